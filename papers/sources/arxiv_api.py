"""The ``arxiv-api`` format: answers of arXiv's query interface, a feed in Atom.

Manual: https://info.arxiv.org/help/api/user-manual.html. Errors come as a feed with one entry
titled Error; ``published`` is the first submission and ``updated`` that of this version.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final
from urllib.parse import urljoin

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
from papers.text.identifiers import ArxivId
from papers.text.links import link

ERROR_ID: Final = "/api/errors"
FORMAT: Final = "an answer of the arXiv API (Atom)"
BASE: Final = "https://export.arxiv.org/api/query"
HOME: Final = "https://arxiv.org/"
PDF_PATH: Final = "arxiv.org/pdf/"
PDF_TYPE: Final = "application/pdf"
PAGE_SIZE: Final = 200
PAGES_PER_VISIT: Final = 25
RESULTS_PER_QUERY: Final = 30_000
"""The most that arXiv gives in all pages (manual, 3.1.1.2)."""
IDS_PER_REQUEST: Final = 100
FIRST_DAYS: Final = timedelta(days=7)


def parse(body: bytes, *, today: date, day: date | None = None) -> Listing:  # noqa: ARG001 - dated
    """Return the papers of one page.

    Raises:
        ListingError: It is no such page, or arXiv's own error, with its code.
    """
    document = xml.read(body, record="entry", roots=frozenset({"feed"}), what=FORMAT)
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
        pdf_url=links.get("pdf", "") or (_pdf(own) if "pdf" in links else ""),
        withdrawn=is_withdrawn(comment, child(entry, "summary"), has_pdf="pdf" in links),
    )


def _pdf(own: ArxivId) -> str:
    """Return arXiv's address of the PDF of a paper that has one."""
    version = f"v{own.version}" if own.version else ""
    return f"https://{PDF_PATH}{own.id}{version}"


def _links(entry: _Element) -> dict[str, str]:
    """Return the addresses of an entry by their title or relation, the PDF's as ``pdf``.

    A PDF of a publisher counts only where there is none of arXiv; an address that is missing or
    is none of the web is left empty.
    """
    links: dict[str, str] = {}
    for found in entry.findall("{*}link"):
        title, kind = str(found.get("title") or ""), str(found.get("type") or "")
        address = urljoin(HOME, str(found.get("href") or "").strip())
        is_arxiv = PDF_PATH in address
        is_pdf = title.lower() == "pdf" or kind.lower().startswith(PDF_TYPE)
        if is_arxiv or (is_pdf and not links.get("pdf")):
            links["pdf"] = link(address) if address != HOME else ""
        if not is_arxiv:
            links.setdefault(title or str(found.get("rel")), address)
    return links


def fetch(visit: Visit) -> Iterator[Step]:
    """Yield new papers of the source's query, newest first, down to the last visit's newest.

    For ids that were asked for, yield those papers. A visit reads ``PAGES_PER_VISIT`` pages; the
    next one goes on from there.

    The cursor: ``since``, the newest first submission of the last whole visit, and while a
    visit is under way its ``start`` and the ``top`` that it began with.

    Raises:
        FetchError: arXiv gives an empty page, or the same page again.
    """
    if visit.wanted:
        yield from _fetch_ids(visit)
        return
    since = moment(visit.cursor.get("since", "")) or visit.now - FIRST_DAYS
    start, top = int(visit.cursor.get("start", 0)), str(visit.cursor.get("top", ""))
    seen: set[str] = set()
    total = 0
    for number in range(1, PAGES_PER_VISIT + 1):
        listing = _page(visit, start, total)
        total = max(total, listing.total or 0)
        read_now = len(listing.records) + len(listing.rejections)
        if not read_now and number == 1 and start:
            # The last visit ended here as well: what is new since then stands at the beginning.
            start, top = 0, ""
            continue
        if not read_now and start < total:
            raise FetchError(f"arXiv gave an empty page at {start} of {total} papers.")
        ids = {record.arxiv_id for record in listing.records}
        if ids and ids <= seen:
            raise FetchError(f"arXiv gave the same papers again at {start} of {total}.")
        seen |= ids
        times = [found.published_at for found in listing.records if found.published_at]
        top = top or max(times, default=since).isoformat()
        start += read_now
        older = min(times, default=since) < since
        # A total that is missing or too small to be true says nothing about the end.
        if older or not read_now or start == total or _is_window_over(listing, start):
            yield Step(listing, {"since": top})
            return
        resume_at = visit.now if number == PAGES_PER_VISIT else None
        under_way = visit.cursor | {"start": start, "top": top}
        yield Step(listing, under_way, number / PAGES_PER_VISIT, resume_at=resume_at)


def _is_window_over(listing: Listing, start: int) -> bool:
    """Return whether arXiv gives no further page of a query, and report what stays unread."""
    if start + PAGE_SIZE <= RESULTS_PER_QUERY:
        return False
    reason = f"arXiv gives the newest {RESULTS_PER_QUERY} papers of a query; its archive has all."
    listing.rejections.append(Rejection(f"papers after the first {start}", reason))
    return True


def _page(visit: Visit, start: int, total: int) -> Listing:
    """Return one page; arXiv sometimes gives an empty one in the middle, then ask again."""
    query = {} if "://" in visit.address else {"search_query": visit.address}
    url = visit.url(
        BASE,
        **query,
        sortBy="submittedDate",
        sortOrder="descending",
        start=start,
        max_results=PAGE_SIZE,
    )
    listing = Listing()
    for _ in range(2):
        listing = read(parse, visit.ask(url, accept="xml"), visit)
        if listing.records or listing.rejections or start >= max(total, listing.total or 0):
            break
    return listing


def _fetch_ids(visit: Visit) -> Iterator[Step]:
    """Yield the wanted papers.

    arXiv refuses a whole list for one id that it does not accept; such a list is requested again
    in halves.
    """
    firsts = range(0, len(visit.wanted), IDS_PER_REQUEST)
    lists = [visit.wanted[first : first + IDS_PER_REQUEST] for first in firsts]
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
