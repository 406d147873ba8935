"""The lists of papers: by period, in all fields or in one."""

from __future__ import annotations

from typing import Final

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe

from newsletter.web import lists
from newsletter.web.lists import PaperList, Period
from papers.text import taxonomy

PAPERS_PER_PAGE: Final = 30


@require_safe
@cache_control(public=True, max_age=60)
@conditional_page
def paper_list(request: HttpRequest, period: str, field: str = "", key: str = "") -> HttpResponse:
    """Show one list; an ended period has its key in the address."""
    wanted = requested(period, field, key)
    if field and wanted.field != field:
        return HttpResponsePermanentRedirect(wanted.path)
    page = Paginator(wanted.entries, PAPERS_PER_PAGE).get_page(request.GET.get("page"))
    shown = wanted.papers(page.start_index() - 1, page.end_index()) if wanted.entries else []
    by_day = period == Period.DAY
    new, rising = lists.new_and_rising(shown, wanted.first_day) if by_day else ([], [])
    older, newer = wanted.neighbours()
    context = {
        "list": wanted,
        "page": page,
        "listed": [] if by_day else shown,
        "new": new,
        "rising": rising,
        "older": older,
        "newer": newer,
        "count": wanted.row.count if wanted.row else 0,
        "periods": [
            (name, lists.path_of(wanted.field, each), each == period and not key)
            for each, name in (("day", "Day"), ("week", "Week"), ("month", "Month"))
        ],
    }
    return render(request, "site/list.html", context)


def requested(period: str, field: str = "", key: str = "") -> PaperList:
    """Return the list of an address.

    Raises:
        Http404: The field or the period is none, or no list of that time is stored.
    """
    code = taxonomy.category(field) if field else ""
    if code is None:
        raise Http404(f"“{field[:40]}” is not a field of arXiv. Write a category such as cs.CL.")
    start = None
    if key:
        try:
            start = lists.start_from_key(period, key)
        except ValueError as error:
            example = "2026-W48" if period == Period.WEEK else "2026-11"
            raise Http404(f"“{key[:20]}” is not a {period}. Write it like {example}.") from error
    wanted = PaperList(code, period, start)
    if start and wanted.row is None:
        raise Http404("There is no list of that time; the current one has no time in its address.")
    return wanted


@require_safe
@cache_control(public=True, max_age=60)
@conditional_page
def fields(request: HttpRequest) -> HttpResponse:
    """List every field with the number of papers that this week brought."""
    counts = lists.week_counts()
    groups = [
        (group, [(code, name, counts.get(code, 0)) for code, name in names.items()])
        for group, names in taxonomy.GROUPS.items()
    ]
    return render(request, "site/fields.html", {"groups": groups, "any": bool(counts)})
