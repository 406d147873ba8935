"""The ``arxiv-api`` format: answers of arXiv's query interface, a feed in Atom.

Manual: https://info.arxiv.org/help/api/user-manual.html. Errors come as a feed with one entry
titled Error; ``published`` is the first submission and ``updated`` that of this version.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from lxml.etree import _Element

from papers.sources import xml
from papers.sources.arxiv import is_withdrawn
from papers.sources.dates import moment
from papers.sources.protocol import FetchError, Step, Visit, read
from papers.sources.record import (
    Listing,
    ListingError,
    PaperRecord,
    RecordError,
    Rejection,
    build,
)
from papers.sources.xml import child, children
from papers.text import clean, identifiers

ERROR_ID: Final = "/api/errors"
WHAT: Final = "an answer of the arXiv API (Atom)"
BASE: Final = "https://export.arxiv.org/api/query"
PAGE: Final = 200
PAGES: Final = 25
IDS: Final = 100
FIRST_DAYS: Final = timedelta(days=7)


def parse(body: bytes, *, today: date, day: date | None = None) -> Listing:  # noqa: ARG001 - dated
    """The papers of one page. Raises ListingError for arXiv's own errors too, with their code."""
    document = xml.read(body, record="entry", roots=frozenset({"feed"}), what=WHAT)
    if any(child(entry, "announce_type") for entry in document.records):
        raise ListingError("This is arXiv's announcement feed; its format is arxiv-rss.")
    listing = Listing(rejections=document.rejections, damage=document.damage)
    total = child(document.root, "totalResults")
    listing.total = int(total) if total.isdigit() else None
    errors = []
    for entry in document.records:
        if ERROR_ID in child(entry, "id") or child(entry, "title").strip() == "Error":
            errors.append(f"arXiv answered with an error: {clean.line(child(entry, 'summary'))}.")
            listing.rejections.append(Rejection(child(entry, "id"), errors[-1]))
            continue
        try:
            listing.records.append(_record(entry))
        except RecordError as error:
            named = xml.described(entry, child(entry, "id"))
            listing.rejections.append(Rejection(named, str(error)))
    if errors and not listing.records:
        raise ListingError(errors[0], "Error")
    if not listing.records and not listing.rejections:
        listing.note = "arXiv has no paper for this query."
    return listing


def _record(entry: _Element) -> PaperRecord:
    own = identifiers.arxiv_id(child(entry, "id"))
    if own is None:
        raise RecordError("The record has no arXiv id.")
    links = _links(entry)
    comment = child(entry, "comment")
    primary = [str(found.get("term")) for found in entry.findall("{*}primary_category")]
    return build(
        child(entry, "title"),
        child(entry, "summary"),
        own,
        child(entry, "doi") or links.get("doi", ""),
        children(entry, "author/name"),
        comment,
        categories=[*primary, *(str(found.get("term")) for found in entry.findall("{*}category"))],
        published_at=moment(child(entry, "published")),
        revised_at=moment(child(entry, "updated")),
        journal_ref=child(entry, "journal_ref"),
        license=links.get("license", "") or child(entry, "license") or child(entry, "rights"),
        pdf_url=links.get("pdf", ""),
        withdrawn=is_withdrawn(comment, child(entry, "summary"), has_pdf="pdf" in links),
    )


def _links(entry: _Element) -> dict[str, str]:
    """Return the addresses of an entry by their title or relation, the PDF's as ``pdf``."""
    links: dict[str, str] = {}
    for found in entry.findall("{*}link"):
        address = str(found.get("href") or "")
        is_pdf = found.get("type") == "application/pdf" or "arxiv.org/pdf/" in address
        links["pdf" if is_pdf else str(found.get("title") or found.get("rel"))] = address
    return links


def fetch(visit: Visit) -> Iterator[Step]:
    """New papers of the source's query, newest first, down to where the last visit began; for
    ids that were asked for, those papers.

    The cursor: ``since``, the newest first submission of the last whole visit, and while a
    visit is under way its ``start`` and the ``top`` that it began with.
    """
    if visit.wanted:
        yield from _fetch_ids(visit)
        return
    since = moment(visit.cursor.get("since", "")) or visit.now - FIRST_DAYS
    query = {} if "://" in visit.address else {"search_query": visit.address}
    start, top = int(visit.cursor.get("start", 0)), str(visit.cursor.get("top", ""))
    for number in range(1, PAGES + 1):
        url = visit.url(
            BASE,
            **query,
            sortBy="submittedDate",
            sortOrder="descending",
            start=start,
            max_results=PAGE,
        )
        listing = _page(visit, url, start)
        if not (listing.records or listing.rejections) and start < (listing.total or 0):
            if number > 1 or not start:
                raise FetchError(f"arXiv gave an empty page at {start} of {listing.total} papers.")
            # The last visit ended here as well: what is new since then stands at the beginning.
            start, top = 0, ""
            continue
        times = [found.published_at for found in listing.records if found.published_at]
        top = top or max(times, default=since).isoformat()
        start += len(listing.records) + len(listing.rejections)
        older = min(times, default=since) < since
        if older or not listing.records or start >= (listing.total or 0) or number == PAGES:
            yield Step(listing, {"since": top}, 1.0)
            return
        yield Step(listing, visit.cursor | {"start": start, "top": top}, number / PAGES)


def _page(visit: Visit, url: str, start: int) -> Listing:
    """One page. arXiv sometimes gives an empty one in the middle; then once more."""
    for _ in range(2):
        listing = read(parse, visit.ask(url, accept="xml"), visit)
        if listing.records or listing.rejections or start >= (listing.total or 0):
            break
    return listing


def _fetch_ids(visit: Visit) -> Iterator[Step]:
    """The wanted papers. arXiv refuses a whole list for one id that it does not like, so such a
    list is asked for again in halves."""
    lists = [visit.wanted[first : first + IDS] for first in range(0, len(visit.wanted), IDS)]
    done = 0
    while lists:
        ids = lists.pop(0)
        url = visit.url(BASE, id_list=",".join(ids), max_results=len(ids))
        try:
            listing = read(parse, visit.ask(url, accept="xml"), visit)
        except ListingError as error:
            if not error.code:
                raise
            if half := len(ids) // 2:
                lists[:0] = [ids[:half], ids[half:]]
                continue
            listing = Listing(rejections=[Rejection(ids[0], str(error))])
        done += len(ids)
        yield Step(listing, visit.cursor, done / len(visit.wanted))
