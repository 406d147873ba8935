"""The ``semantic-scholar`` format: citation counts and published DOIs for papers we have.

Answers of ``/graph/v1/paper/batch`` (a list, null for an unknown paper), of searches and of
recommendations: https://api.semanticscholar.org/api-docs/.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any, Final

from papers.sources.protocol import Step, Visit, read
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

BASE: Final = "https://api.semanticscholar.org/graph/v1/paper/batch"
FIELDS: Final = "externalIds,title,citationCount"
IDS_PER_REQUEST: Final = 500


def parse(body: bytes, *, today: date, day: date | None = None) -> Listing:  # noqa: ARG001 - dated
    """Return the papers of an answer without the unknown ones (null)."""
    listing = Listing()
    known = [(position, item) for position, item in enumerate(_items(body), 1) if item is not None]
    listing.collect(known, lambda entry: _record(entry[1]), lambda _, entry: f"entry {entry[0]}")
    if not listing.records and not listing.rejections:
        listing.note = "Semantic Scholar knows none of these papers yet."
    return listing


def _items(body: bytes) -> list[Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ListingError(f"The answer is not whole JSON ({error}).") from error
    if isinstance(answer, dict):
        if message := answer.get("error") or answer.get("message"):
            raise ListingError(f"Semantic Scholar answered with an error: {message}.")
        answer = answer.get("data", answer.get("recommendedPapers"))
    if not isinstance(answer, list):
        raise ListingError("The answer is JSON, but no list of papers.")
    return answer


def _record(item: Any) -> PaperRecord:
    if not isinstance(item, dict):
        raise RecordError("The entry is no JSON object.")
    named = item.get("externalIds")
    ids = named if isinstance(named, dict) else {}
    authors = item.get("authors")
    citations = total(item.get("citationCount"))
    return build(
        clean.without_markup(str(item.get("title") or "")),
        clean.without_markup(str(item.get("abstract") or "")),
        identifiers.arxiv_id(str(ids.get("ArXiv") or "")),
        str(ids.get("DOI") or ""),
        [str(author.get("name") or "") for author in authors if isinstance(author, dict)]
        if isinstance(authors, list)
        else [],
        url=str(item.get("url") or ""),
        measurements=() if citations is None else (Measurement("citations", citations),),
        needs_title=False,
    )


def fetch(visit: Visit) -> Iterator[Step]:
    """Yield citations of the wanted papers, in batches, with the operator's key if there is one."""
    headers = {"x-api-key": visit.key} if visit.key else {}
    for first in range(0, len(visit.wanted), IDS_PER_REQUEST):
        ids = visit.wanted[first : first + IDS_PER_REQUEST]
        answer = visit.ask(
            visit.url(BASE, fields=FIELDS),
            accept="json",
            headers=headers,
            json={"ids": [f"ARXIV:{found}" for found in ids]},
        )
        listing = read(parse, answer, visit)
        listing.records = [replace(kept, observed_at=visit.now) for kept in listing.records]
        yield Step(listing, visit.cursor, (first + len(ids)) / len(visit.wanted))
