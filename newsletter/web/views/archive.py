"""The archive: the days with an edition, and the papers of one day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe

from newsletter.web import lists, presenters
from newsletter.web.presenters import ListedPaper
from newsletter.web.views.lists import PAPERS_PER_PAGE
from papers.models import Edition

EDITIONS_PER_PAGE: Final = 31

public = cache_control(public=True, max_age=60)


class Day(NamedTuple):
    """A row of the archive: an edition, its best new paper, and how many the day brought.

    ``title`` is empty for a day without a new paper.
    """

    edition: Edition
    title: str
    papers: int

    @property
    def is_sample(self) -> bool:
        """Return whether the papers were old when the edition was made."""
        return lists.is_sample(self.edition.news_day, self.edition.day)


@require_safe
@public
@conditional_page
def archive(request: HttpRequest) -> HttpResponse:
    """List the days with an edition, newest first, each with its best new paper."""
    listed = Edition.objects.defer("entries")
    page = Paginator(listed, EDITIONS_PER_PAGE).get_page(request.GET.get("page"))
    # The edition before the last row says whether that one has anything new.
    editions = list(listed[page.start_index() - 1 : page.end_index() + 1]) if page else []
    return render(request, "site/archive.html", {"page": page, "days": _days(editions)})


def _days(editions: Sequence[Edition]) -> list[Day]:
    """Return the rows of editions, newest first; one too many says what was known before."""
    keys = [key for edition in editions for key in edition.news or ()]
    titles = presenters.titles(keys)
    days = []
    for edition, earlier in zip(editions, [*editions[1:], None], strict=False):
        shown = [titles[key] for key in edition.news or () if key in titles]
        hidden = len(edition.news or ()) - len(shown)
        if shown and (earlier is None or edition.news_day != earlier.news_day):
            days.append(Day(edition, shown[0], edition.news_count - hidden))
        else:
            days.append(Day(edition, "", 0))
    return days[:EDITIONS_PER_PAGE]


@require_safe
@public
@conditional_page
def archive_day(request: HttpRequest, day: str) -> HttpResponse:
    """Show the edition of a day, or the papers announced on a day without one."""
    try:
        wanted = date.fromisoformat(day)
    except ValueError:
        wanted = None
    if wanted is None or wanted.isoformat() != day:
        raise Http404(f"“{day[:40]}” is not a day. Write it as year, month and day: 2025-03-11.")
    edition = Edition.objects.filter(day=wanted).first()
    listed: Sequence[object] = edition.entries if edition else presenters.from_day(wanted)
    if edition is None and not listed:
        missing = f"There is no edition of {wanted:%-d %B %Y}. The archive lists the days with one."
        raise Http404(missing)
    page = Paginator(listed, PAPERS_PER_PAGE).get_page(request.GET.get("page"))
    shown: Sequence[ListedPaper] = page.object_list  # type: ignore[assignment]
    if edition:
        shown = presenters.from_edition(
            edition, start=max(page.start_index() - 1, 0), stop=page.end_index()
        )
    context = {
        "day": wanted,
        "listed": shown,
        "page": page,
        "edition": edition,
        "is_sample": edition is not None and lists.is_sample(edition.news_day, edition.day),
        "count": presenters.news_count(edition) if edition else len(listed),
        "newer": Edition.objects.filter(day__gt=wanted).order_by("day").only("day").first(),
        "older": Edition.objects.filter(day__lt=wanted).only("day").first(),
    }
    return render(request, "site/archive_day.html", context)
