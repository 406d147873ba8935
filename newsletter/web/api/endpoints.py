"""The endpoints of the JSON API, version 1."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from enum import StrEnum
from functools import wraps
from typing import Annotated, Any, Final, TypeVar

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils.timezone import now
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page
from ninja import NinjaAPI, Query, Router
from ninja.decorators import decorate_view
from ninja.errors import HttpError, ValidationError
from pydantic import BeforeValidator

from newsletter.web import suggestions
from newsletter.web.api.schemas import (
    ErrorOut,
    PaperOut,
    PapersOut,
    RankedPaperOut,
    RankedPapersOut,
    SuggestionsOut,
)
from newsletter.web.lists import PaperList
from newsletter.web.presenters import ListedPaper
from newsletter.web.request_limit import limited
from newsletter.web.views.request_origin import origin_of
from papers import search as papers_search
from papers.models import Paper
from papers.text import taxonomy
from papers.text.identifiers import arxiv_id

REQUESTS_PER_MINUTE: Final = 120
"""From one network address."""
MAX_PAGE: Final = 100
MAX_OFFSET: Final = 10_000
Item = TypeVar("Item")
Limit = Annotated[int, Query(20, ge=1, le=MAX_PAGE, description="Papers in the answer.")]
Offset = Annotated[int, Query(0, ge=0, le=MAX_OFFSET, description="Papers to skip.")]
Field = Annotated[str, Query("", max_length=32, description="An arXiv category or archive.")]
ERRORS: Final = dict.fromkeys((404, 422, 429, 503), ErrorOut)


ISO_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")


def _iso_day(value: object) -> object:
    """Refuse numbers, which would count as seconds since 1970. Raises ValueError for them."""
    if isinstance(value, str) and not ISO_DAY.fullmatch(value):
        raise ValueError("write a day such as 2026-11-30")
    return value


Day = Annotated[date, BeforeValidator(_iso_day)]


class PeriodName(StrEnum):
    """The period of a ranked list."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Order(StrEnum):
    """The order of search results."""

    RELEVANCE = "relevance"
    DATE = "date"


class SuggestedKind(StrEnum):
    """The list of choices to suggest something for."""

    PAPERS = "papers"
    AUTHORS = "authors"
    SUBJECTS = "subjects"


api = NinjaAPI(
    title="Paperboy",
    version="1",
    description="Trending research papers, read-only. Times are UTC in ISO 8601.",
    docs_url=None,
    openapi_url="/openapi.json",
    urls_namespace="api",
)
router = Router()


@api.exception_handler(ValidationError)
def _refuse_parameters(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Say in one sentence which parameter is wrong and why."""
    wrong = error.errors[0] if error.errors else {}
    name = str((wrong.get("loc") or ("a parameter",))[-1])
    return api.create_response(
        request, {"detail": f"{name}: {wrong.get('msg', 'not valid')}."}, status=422
    )


def _limit_requests(view: Any) -> Any:
    """Answer 429 with Retry-After when a client asks too often."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if limited("api", origin_of(request, "API").ip, REQUESTS_PER_MINUTE):
            answer = api.create_response(
                request, {"detail": "Too many requests. Try again in a minute."}, status=429
            )
            answer["Retry-After"] = "60"
            return answer
        response: HttpResponse = view(request, *args, **kwargs)
        return response

    return guarded


endpoint = decorate_view(_limit_requests, cache_control(public=True, max_age=60), conditional_page)


@router.get("/trending", response={200: RankedPapersOut, **ERRORS}, summary="A ranked list")
@endpoint
def trending(
    request: HttpRequest,
    limit: Limit,
    offset: Offset,
    field: Field,
    period: PeriodName = PeriodName.DAY,
) -> RankedPapersOut:
    """Return the papers trending today, this week or this month, in all fields or in one."""
    wanted = PaperList(_known_field(field), period.value)
    at = now()
    page = [_ranked(one, at) for one in wanted.papers(offset, offset + limit, whole=True)]
    return RankedPapersOut(count=len(wanted.entries), papers=page)


@router.get("/papers", response={200: PapersOut, **ERRORS}, summary="Newest papers")
@endpoint
def papers(
    request: HttpRequest,
    limit: Limit,
    offset: Offset,
    since: Day | None = None,
    until: Day | None = None,
) -> PapersOut:
    """Return papers by their announcement, newest first."""
    found = Paper.objects.filter(hidden=False).order_by("-announced_at", "-pk")
    if since:
        found = found.filter(announced_at__gte=datetime.combine(since, time.min, UTC))
    if until:
        found = found.filter(announced_at__lte=datetime.combine(until, time.max, UTC))
    at = now()
    page = [PaperOut.of(one, at) for one in found[offset : offset + limit]]
    return PapersOut(count=found[: MAX_OFFSET + MAX_PAGE].count(), papers=page)


@router.get("/papers/{path:paper_id}/similar", response={200: PapersOut, **ERRORS})
@endpoint
def similar(request: HttpRequest, paper_id: str, limit: Limit) -> PapersOut:
    """Return papers like this one, nearest first."""
    at = now()
    found = [PaperOut.of(one, at) for one in _paper(paper_id).similar_papers()[:limit]]
    return PapersOut(count=len(found), papers=found)


@router.get("/papers/{path:paper_id}", response={200: PaperOut, **ERRORS}, summary="One paper")
@endpoint
def paper(request: HttpRequest, paper_id: str) -> PaperOut:
    """Return one paper by its arXiv id or its id on this site."""
    return PaperOut.of(_paper(paper_id), now())


@router.get("/search", response={200: PapersOut, **ERRORS}, summary="Search")
@endpoint
def search(
    request: HttpRequest,
    limit: Limit,
    offset: Offset,
    q: Annotated[str, Query(max_length=papers_search.MAX_LENGTH)],
    order: Order = Order.RELEVANCE,
) -> PapersOut:
    """Return the papers that match a search, in the language of the search page."""
    try:
        ids = papers_search.find(papers_search.read(q), order=order.value).ids
    except OperationalError as error:
        raise HttpError(503, "This search took too long. Try fewer or rarer words.") from error
    page = _page(ids, limit, offset)
    found = Paper.objects.in_bulk(page)
    at = now()
    shown = [PaperOut.of(found[key], at) for key in page if key in found]
    return PapersOut(count=len(ids), papers=shown)


@router.get("/suggestions", response={200: SuggestionsOut, **ERRORS}, include_in_schema=False)
@endpoint
def suggested(
    request: HttpRequest, kind: SuggestedKind, q: Annotated[str, Query(max_length=100)]
) -> SuggestionsOut:
    """Return lines to put into a list of choices, for the script of the pages that have one."""
    try:
        return SuggestionsOut(suggestions=getattr(suggestions, kind.value)(q))
    except OperationalError as error:
        raise HttpError(503, "This search took too long. Try fewer or rarer words.") from error


def _page(items: Sequence[Item], limit: int, offset: int) -> Sequence[Item]:
    return items[offset : offset + limit]


def _known_field(field: str) -> str:
    """Return the code of a field. Raises HttpError (404) for an unknown one."""
    code = taxonomy.category(field) if field else ""
    if code is None:
        raise HttpError(404, "There is no such field. Write an arXiv category such as cs.CL.")
    return code


def _paper(paper_id: str) -> Paper:
    """Return a paper that may be shown. Raises HttpError (404) if there is none."""
    named = arxiv_id(paper_id)
    wanted = {paper_id, named.id} if named else {paper_id}
    # PostgreSQL takes no NUL, and no id holds a control character.
    known = Paper.objects.filter(canonical_id__in=wanted, hidden=False)
    found = known.first() if paper_id.isprintable() else None
    if found is None:
        raise HttpError(404, "There is no paper with this id.")
    return found


def _ranked(one: ListedPaper, at: datetime) -> RankedPaperOut:
    shown = PaperOut.of(one.paper, at)
    return RankedPaperOut(**shown.dict(), rank=one.rank, reason=one.reason)


api.add_router("/v1", router)
