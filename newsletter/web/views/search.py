"""The search page."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from typing import Any, Final

from django.core.paginator import Paginator
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe

from newsletter.web import presenters
from newsletter.web.lists import field_name
from newsletter.web.request_limit import limited
from newsletter.web.views.request_origin import origin_of
from papers import search as papers_search
from papers import spelling
from papers.models import Paper
from papers.search import Query
from papers.text import taxonomy

RESULTS_PER_PAGE: Final = 20
SEARCHES_PER_MINUTE: Final = 60
"""From one network address; a person types slower."""
MOST_SHORTER: Final = 4
"""Shorter searches that are tried where one finds nothing."""
TOO_MANY: Final = "Too many searches came from your network. Try again in a minute."
TOO_LONG: Final = "This search took too long. Try fewer or rarer words."


@require_safe
@cache_control(public=True, max_age=60)
@conditional_page
def search(request: HttpRequest) -> HttpResponse:
    """Find papers by words in title, abstract, authors or keywords."""
    query = papers_search.read(_typed(request))
    order = request.GET.get("order", "")
    order = order if order in papers_search.ORDERS else papers_search.ORDERS[0]
    since, until = (_day(request.GET.get(name, "")) for name in ("from", "until"))
    context: dict[str, Any] = {"query": query, "order": order, "since": since, "until": until}
    context["groups"] = taxonomy.GROUPS
    if not query:
        return render(request, "site/search.html", context)
    if limited("search", origin_of(request, "search").ip, SEARCHES_PER_MINUTE):
        return _without_results(request, context, TOO_MANY, 429)
    try:
        matches = papers_search.find(query, order=order, since=since, until=until)
    except OperationalError:
        return _without_results(request, context, TOO_LONG, 503)
    page = Paginator(matches.ids, RESULTS_PER_PAGE).get_page(request.GET.get("page"))
    papers = Paper.objects.in_bulk(page.object_list)
    context |= {
        "page": page,
        "capped": matches.capped,
        "listed": [
            presenters.ListedPaper(papers[key], query=query)
            for key in page.object_list
            if key in papers
        ],
        "fields": [field_name(code) for code in query.fields if taxonomy.category(code)],
        "unknown": [code for code in query.fields if not taxonomy.category(code)],
    }
    if not matches.ids:
        context |= {"nearest": spelling.nearest(query), "shorter": _shorter(query)}
    return render(request, "site/search.html", context)


def _without_results(
    request: HttpRequest, context: dict[str, Any], problem: str, status: int
) -> HttpResponse:
    """Say why there are no results now; what was typed stays in the form."""
    context["problem"] = problem
    response = render(request, "site/search.html", context, status=status)
    response.headers["Retry-After"] = "60"
    return response


def _typed(request: HttpRequest) -> str:
    """Return the text of the search, with the field that was chosen beside it."""
    typed = request.GET.get("q", "")
    if field := taxonomy.category(request.GET.get("field", "")):
        return f"field:{field} {typed}"  # Before it, as long texts are cut at the end.
    return typed


def _day(text: str) -> date | None:
    """Parse a day written as YYYY-MM-DD; None for anything else."""
    with suppress(ValueError):
        return date.fromisoformat(text)
    return None


def _shorter(query: Query) -> list[str]:
    """Return the query's texts with one term left out each, of those that find something."""
    if len(query.terms) < 2:
        return []
    texts = [query.without(term) for term in query.terms if not term.negated]
    return [text for text in texts[:MOST_SHORTER] if _finds(papers_search.read(text))]


def _finds(query: Query) -> bool:
    with suppress(OperationalError):
        return bool(query and papers_search.find(query).ids)
    return False
