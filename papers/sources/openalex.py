"""The ``openalex`` format: citation counts and published DOIs for papers we have.

Answers of ``/works``: https://docs.openalex.org/api-entities/works/work-object.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from papers.sources.protocol import Answer, NotFoundError, Step, Visit, read
from papers.sources.record import (
    Listing,
    ListingError,
    Measurement,
    PaperRecord,
    RecordError,
    build,
    total,
)
from papers.text import clean, identifiers

BASE: Final = "https://api.openalex.org/works"
FIELDS: Final = "id,doi,title,cited_by_count,locations"
IDS_PER_REQUEST: Final = 50
SINGLES_PER_VISIT: Final = 200
DAY_SECONDS: Final = 86_400
HOUR_SECONDS: Final = 3_600


def parse(body: bytes, *, today: date, day: date | None = None) -> Listing:  # noqa: ARG001 - dated
    """Return the works of a list, or the single work that an answer is."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ListingError(f"The answer is not whole JSON ({error}).") from error
    works = answer.get("results", [answer]) if isinstance(answer, dict) else None
    if not isinstance(works, list) or (isinstance(answer, dict) and "error" in answer):
        raise ListingError("The answer is no list of OpenAlex works.")
    listing = Listing()
    listing.collect(works, _record, lambda number, _: f"work {number}")
    if not works:
        listing.note = "OpenAlex knows none of these papers yet."
    return listing


def _record(work: Any) -> PaperRecord:
    if not isinstance(work, dict):
        raise RecordError("The entry is no JSON object.")
    places = [work, *_objects(work.get("locations"))]
    names = [str(place.get(key) or "") for place in places for key in ("doi", "landing_page_url")]
    own = next(filter(None, map(identifiers.arxiv_id, names)), None)
    citations = total(work.get("cited_by_count"))
    written = [found.get("author") for found in _objects(work.get("authorships"))]
    return build(
        clean.without_markup(str(work.get("title") or work.get("display_name") or "")),
        _abstract(work.get("abstract_inverted_index")),
        own,
        next(
            (name for name in names if identifiers.doi(name) and not identifiers.arxiv_id(name)), ""
        ),
        [str(author.get("display_name") or "") for author in written if isinstance(author, dict)],
        measurements=() if citations is None else (Measurement("citations", citations),),
        needs_title=False,
    )


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _abstract(inverted: Any) -> str:
    """Return a text from ``{word: [positions]}``, the only form in which OpenAlex has abstracts."""
    if not isinstance(inverted, dict):
        return ""
    words = [
        (position, word)
        for word, positions in inverted.items()
        if isinstance(positions, list)
        for position in positions
        if isinstance(position, int)
    ]
    return clean.without_markup(" ".join(word for _, word in sorted(words)))


def fetch(visit: Visit) -> Iterator[Step]:
    """Yield citations of the wanted papers, by their arXiv DOIs.

    A preprint that OpenAlex merged with its published form is not found by a list of DOIs; it is
    requested singly, which is free of charge. When the day's budget is used up, the visit ends
    and goes on when the budget is renewed.
    """
    key = {"api_key": visit.key} if visit.key else {}
    singles = SINGLES_PER_VISIT
    for first in range(0, len(visit.wanted), IDS_PER_REQUEST):
        ids = visit.wanted[first : first + IDS_PER_REQUEST]
        dois = "|".join(map(_doi, ids))
        parameters = {"select": FIELDS, "per-page": str(IDS_PER_REQUEST), **key}
        url = visit.url(BASE, filter=f"doi:{dois}", **parameters)
        answer = visit.ask(url, accept="json")
        listing = read(parse, answer, visit)
        found = {record.arxiv_id for record in listing.records}
        missing = [name for name in ids if name not in found][:singles]
        singles -= len(missing)
        # The list was paid for: it is stored before a single request can fail.
        yield Step(_observed(listing, visit), visit.cursor, first / len(visit.wanted))
        known = [record for name in missing for record in _single(visit, name, key)]
        listing = _observed(Listing(known), visit)
        done = first + len(ids)
        resume_at = _budget_renewed_at(answer, visit.now) if done < len(visit.wanted) else None
        if resume_at:
            listing.note = "OpenAlex's budget of the day is used up."
        yield Step(listing, visit.cursor, done / len(visit.wanted), resume_at=resume_at)
        if resume_at:
            return


def _observed(listing: Listing, visit: Visit) -> Listing:
    """Return the listing with records that were measured at the time of the visit."""
    listing.records = [replace(kept, observed_at=visit.now) for kept in listing.records]
    return listing


def _doi(arxiv_id: str) -> str:
    return f"10.48550/arxiv.{arxiv_id}"


def _single(visit: Visit, arxiv_id: str, key: dict[str, str]) -> list[PaperRecord]:
    """Return the work of one arXiv DOI, or nothing when OpenAlex does not know it."""
    url = visit.url(BASE, f"/doi:{_doi(arxiv_id)}", select=FIELDS, **key)
    try:
        listing = read(parse, visit.ask(url, accept="json"), visit)
    except (NotFoundError, ListingError):
        return []
    return [replace(record, arxiv_id=arxiv_id) for record in listing.records]


def _budget_renewed_at(answer: Answer, now: datetime) -> datetime | None:
    """Return when to go on, if the budget of the day does not pay for another list request.

    Headers: https://developers.openalex.org/api-reference/authentication. The budget was counted
    in credits before it was counted in US dollars.
    """
    limits = answer.limits
    for left, cost in (
        ("x-ratelimit-remaining-usd", "x-ratelimit-cost-usd"),
        ("x-ratelimit-remaining", "x-ratelimit-credits-used"),
    ):
        written = limits.get(left, "")
        # A budget may be overdrawn.
        remaining = 0.0 if written.startswith("-") else total(written)
        if remaining is not None:
            if remaining > (total(limits.get(cost)) or 0):
                return None
            wait = total(limits.get("x-ratelimit-reset"))
            known = wait is not None and wait <= DAY_SECONDS
            return now + timedelta(seconds=wait if wait and known else HOUR_SECONDS)
    return None
