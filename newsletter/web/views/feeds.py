"""The feeds: one pair (Atom and JSON) for each list of papers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import Any, NamedTuple

from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe

from newsletter.web import feeds, lists, presenters
from newsletter.web.feeds import AtomView, PaperFeed
from newsletter.web.request_limit import limited
from newsletter.web.views.lists import requested
from newsletter.web.views.request_origin import origin_of
from newsletter.web.views.search import SEARCHES_PER_MINUTE, TOO_LONG, TOO_MANY
from papers import search as papers_search
from papers.models import Edition, Paper

View = Callable[..., HttpResponse]


class FeedViews(NamedTuple):
    """The two formats of one feed."""

    atom: View
    json: View


def _views(find: Callable[..., PaperFeed]) -> FeedViews:
    def public(view: View) -> View:
        cached = cache_control(public=True, max_age=300)(conditional_page(view))
        return require_safe(cached)

    return FeedViews(public(AtomView(find)), public(feeds.json_view(find)))


def _front_page(_request: HttpRequest) -> PaperFeed:
    return feeds.front_page()


def _paper_list(_request: HttpRequest, period: str, field: str = "", key: str = "") -> PaperFeed:
    return feeds.paper_list(requested(period, field, key))


def _archive_day(_request: HttpRequest, day: str) -> PaperFeed:
    try:
        edition = Edition.objects.get(day=date.fromisoformat(day))
    except (ValueError, Edition.DoesNotExist) as error:
        raise Http404("There is no edition of that day.") from error
    listed = presenters.from_edition(edition, stop=feeds.FEED_PAPERS)
    title = f"trending papers of {edition.day:%-d %B %Y}"
    if edition.news_day and lists.is_sample(edition.news_day, edition.day):
        title = f"sample edition of {edition.news_day:%-d %B %Y}"
    return feeds.papers(title, "One day’s papers.", reverse("archive-day", args=[day]), listed)


def _search(request: HttpRequest) -> PaperFeed:
    query = papers_search.read(request.GET.get("q", ""))
    ids = papers_search.find(query, order="date").ids[: feeds.FEED_PAPERS]
    found: dict[Any, Paper] = Paper.objects.in_bulk(ids)
    listed = [presenters.ListedPaper(found[key]) for key in ids if key in found]
    parameters = f"?{request.GET.urlencode()}" if request.GET else ""
    path = f"{reverse('search')}{parameters}"
    return feeds.papers(f"search for “{query.text}”", "New papers that match.", path, listed)


def _guarded(view: View) -> View:
    """Answer in plain text when searches are too many or take too long: readers ask again."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if limited("search", origin_of(request, "search").ip, SEARCHES_PER_MINUTE):
            return _refusal(TOO_MANY, 429)
        try:
            return view(request, *args, **kwargs)
        except OperationalError:
            return _refusal(TOO_LONG, 503)

    return guarded


def _refusal(sentence: str, status: int) -> HttpResponse:
    headers = {"Retry-After": "60", "Cache-Control": "no-store"}
    return HttpResponse(
        sentence, content_type="text/plain; charset=utf-8", status=status, headers=headers
    )


front_page = _views(_front_page)
paper_list = _views(_paper_list)
archive_day = _views(_archive_day)
search = FeedViews(*map(_guarded, _views(_search)))
