"""The ``openalex`` format: citation counts and published DOIs for papers we have.

Answers of ``/works``: https://docs.openalex.org/api-entities/works/work-object.
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
    Rejection,
    build,
    total,
)
from papers.text import clean, identifiers

BASE: Final = "https://api.openalex.org/works"
FIELDS: Final = "id,doi,title,cited_by_count,locations"
BATCH: Final = 50


def parse(body: bytes, *, today: date, day: date | None = None) -> Listing:  # noqa: ARG001 - dated
    """The works of an answer, or the single one that it is."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ListingError(f"The answer is not whole JSON ({error}).") from error
    works = answer.get("results", [answer]) if isinstance(answer, dict) else None
    if not isinstance(works, list) or (isinstance(answer, dict) and "error" in answer):
        raise ListingError("The answer is no list of OpenAlex works.")
    listing = Listing()
    for position, work in enumerate(works, 1):
        try:
            listing.records.append(_record(work))
        except RecordError as error:
            listing.rejections.append(Rejection(f"work {position}", str(error)))
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
    )


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _abstract(inverted: Any) -> str:
    """A text out of ``{word: [positions]}``, the only form in which OpenAlex gives abstracts."""
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
    """Citations of the wanted papers, by their arXiv DOIs."""
    for first in range(0, len(visit.wanted), BATCH):
        ids = visit.wanted[first : first + BATCH]
        dois = "|".join(f"10.48550/arxiv.{found}" for found in ids)
        url = visit.url(BASE, filter=f"doi:{dois}", select=FIELDS, **{"per-page": BATCH})
        listing = read(parse, visit.ask(url, accept="json"), visit)
        listing.records = [replace(kept, observed_at=visit.now) for kept in listing.records]
        yield Step(listing, visit.cursor, (first + len(ids)) / len(visit.wanted))
