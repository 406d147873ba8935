"""The pictures of links (``og:image``): of a day and of a paper."""

from __future__ import annotations

from datetime import date
from typing import Final

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from newsletter.web import cards, presenters
from newsletter.web.views.paper import find_paper
from papers.models import Edition
from papers.text.clean import line

MONTH: Final = 30 * 24 * 3600


def _answer(title: str, day: date) -> HttpResponse:
    picture = cards.draw(settings.SITE_NAME, line(title), f"{day:%-d %B %Y}")
    return HttpResponse(picture, content_type="image/png")


@require_safe
@cache_control(public=True, max_age=MONTH)
def paper(request: HttpRequest, canonical_id: str) -> HttpResponse:
    """Draw the title of a paper and the day on which it was first listed."""
    found = find_paper(canonical_id)
    return _answer(found.title, found.announced_at.date())


@require_safe
@cache_control(public=True, max_age=3600)
def day(request: HttpRequest, day: str) -> HttpResponse:
    """Draw the best new title of a day's edition and its date."""
    try:
        edition = Edition.objects.defer("entries").get(day=date.fromisoformat(day))
    except (ValueError, Edition.DoesNotExist) as error:
        raise Http404("There is no edition of that day.") from error
    titles = presenters.titles(edition.news or ())
    first = next((titles[key] for key in edition.news or () if key in titles), "")
    return _answer(first or "Trending research papers", edition.news_day or edition.day)
