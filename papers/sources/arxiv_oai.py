"""The ``arxiv-oai`` format: OAI-PMH answers, with records in ``arXiv`` form or Dublin Core.

Protocol: https://www.openarchives.org/OAI/openarchivesprotocol.html, arXiv's side of it:
https://info.arxiv.org/help/oa/. The arXiv form has dates without times and no version.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from lxml.etree import _Element

from papers.sources import xml
from papers.sources.arxiv import category_of, is_withdrawn
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

FORMAT: Final = "an OAI-PMH answer"
NOTHING_NEW: Final = "noRecordsMatch"
BAD_TOKEN: Final = "badResumptionToken"  # noqa: S105 - the name of an error
BASE: Final = "https://oaipmh.arxiv.org/oai"
PAGES_PER_VISIT: Final = 60
EMPTY_PAGES: Final = 3
"""Pages without a record in a row that may be followed by another."""
EXPIRED_TOKENS: Final = 2
"""Tokens of one visit that may have expired."""
FIRST_DAYS: Final = timedelta(days=7)
# A paper whose first version is older than this is updated when we have it, but not added.
ADDED_WITHIN: Final = timedelta(days=31)


def parse(body: bytes, *, today: date, day: date | None = None) -> Listing:  # noqa: ARG001 - dated
    """Return the records of one page, the ids of deleted ones, and the token of the next page.

    ``day`` of the listing is the latest datestamp in it.

    Raises:
        ListingError: The protocol's errors, with their code, except "no records match", which is
            a day without news.
    """
    document = xml.read(body, record="record", roots=frozenset({"OAI-PMH"}), what=FORMAT)
    listing = Listing(rejections=document.rejections, damage=document.damage)
    for problem in document.root.findall("{*}error"):
        code, words = str(problem.get("code")), clean.line(problem.text or "")
        if code != NOTHING_NEW:
            raise ListingError(f"The archive answered with {code}: {words or 'no reason'}.", code)
        listing.note = "A quiet day: the archive has no new or changed record."
    for record in document.records:
        try:
            _read(record, listing)
        except RecordError as error:
            named = xml.described(record, child(record, "header/identifier"))
            listing.rejections.append(Rejection(named, str(error)))
    for token in document.root.iter("{*}resumptionToken"):
        listing.next_page = (token.text or "").strip()
        size = token.get("completeListSize") or ""
        # arXiv has sent 1 here for lists of a thousand: a size is reported only if it can be true.
        if size.isdigit() and int(size) >= len(document.records):
            listing.total = int(size)
    stamps = [
        moment(stamp) for found in document.records for stamp in children(found, "header/datestamp")
    ]
    listing.day = max((stamp.date() for stamp in stamps if stamp), default=None)
    return listing


def _read(record: _Element, listing: Listing) -> None:
    header = record.find("{*}header")
    own = identifiers.arxiv_id(child(record, "header/identifier"))
    if header is not None and header.get("status") == "deleted":
        listing.deleted += [own.id] if own else []
        return
    metadata = record.find("{*}metadata")
    if metadata is None or not len(metadata):
        raise RecordError("The record has no metadata.")
    form = xml.name(metadata[0])
    if form == "arXiv":
        listing.records.append(_arxiv_record(metadata[0], own))
    elif form == "dc":
        listing.records.append(_dublin_core_record(metadata[0], own))
    else:
        raise RecordError(f"Its metadata is in the form {form!r}; arXiv or dc was expected.")


def _arxiv_record(paper: _Element, named: ArxivId | None) -> PaperRecord:
    own = identifiers.arxiv_id(child(paper, "id")) or named
    if own is None:
        raise RecordError("The record has no arXiv id.")
    created, updated = moment(child(paper, "created")), moment(child(paper, "updated"))
    comment = child(paper, "comments")
    return build(
        child(paper, "title"),
        child(paper, "abstract"),
        own if updated else ArxivId(own.id, own.version or 1),
        child(paper, "doi"),
        [_name(author) for author in paper.findall("{*}authors/{*}author")],
        comment,
        categories=child(paper, "categories").split(),
        published_at=created,
        revised_at=updated or created,
        journal_ref=child(paper, "journal-ref"),
        license=child(paper, "license"),
        withdrawn=is_withdrawn(comment),
    )


def _name(author: _Element) -> str:
    parts = (child(author, part) for part in ("forenames", "keyname", "suffix"))
    return " ".join(part.strip() for part in parts if part.strip())


def _dublin_core_record(paper: _Element, own: ArxivId | None) -> PaperRecord:
    named = children(paper, "identifier")
    own = own or next(filter(None, map(identifiers.arxiv_id, named)), None)
    descriptions = children(paper, "description")
    comments = [found for found in descriptions if re.match(r"\s*Comments?:", found)]
    abstracts = [found for found in descriptions if found not in comments]
    dates = [found for found in map(moment, children(paper, "date")) if found]
    comment = re.sub(r"^\s*Comments?:\s*", "", comments[0]) if comments else ""
    return build(
        child(paper, "title"),
        abstracts[0] if abstracts else "",
        own,
        next((found for found in named if identifiers.doi(found)), ""),
        [_western(name) for name in children(paper, "creator")],
        comment,
        categories=list(map(category_of, children(paper, "subject"))),
        published_at=dates[0] if dates else None,
        revised_at=dates[-1] if dates else None,
        license=child(paper, "rights"),
        url=next((found for found in named if found.startswith("http")), ""),
        withdrawn=is_withdrawn(comment),
    )


def _western(name: str) -> str:
    """Return ``Li, Chuankun`` with the first name first."""
    last, comma, first = name.partition(",")
    return f"{first.strip()} {last.strip()}" if comma else name


def fetch(visit: Visit) -> Iterator[Step]:
    """Yield everything that changed since the last visit, page by page.

    The source's address names categories (``cs.AI cs.CL stat.ML``); their archives are read, and
    records of other categories are left out. Without an address all of arXiv is read. A visit
    reads ``PAGES_PER_VISIT`` pages; the next one goes on from there.

    The cursor: ``from``, the day to begin with, and while a visit is under way the ``token`` of
    the next page and the number of archives ``done``. An expired token begins that archive anew.

    Raises:
        FetchError: The archive gives a token or a page again, or empty pages only, so that its
            list would never end; or it refuses its own tokens.
    """
    categories = frozenset(re.findall(r"[a-z-]+(?:\.[A-Za-z-]+)?", _named(visit.address)))
    archives = sorted({_set(category) for category in categories}) or [""]
    begin = visit.cursor.get("from") or (visit.now - FIRST_DAYS).date().isoformat()
    latest = str(visit.cursor.get("latest") or begin)
    done, token = int(visit.cursor.get("done", 0)), str(visit.cursor.get("token", ""))
    seen: set[str] = set()
    expired = empty = 0
    for number in range(1, PAGES_PER_VISIT + 1):
        if done >= len(archives):
            return
        listing = _page(visit, archives[done], begin, token)
        if listing is None:
            expired += 1
            if expired > EXPIRED_TOKENS:
                raise FetchError("The archive takes none of the resumption tokens that it gives.")
            token, seen = "", set()
            continue
        empty = 0 if listing.records or listing.rejections or listing.deleted else empty + 1
        _refuse_repetition(listing, token, seen, empty)
        latest = max(latest, listing.day.isoformat() if listing.day else "")
        token = listing.next_page
        done += 0 if token else 1
        kept = [record for record in listing.records if _is_in(record, categories)]
        listing.records = [record for record in kept if not _is_older(record, begin)]
        updates = tuple(record for record in kept if _is_older(record, begin))
        whole = done >= len(archives)
        under_way = {"from": begin, "latest": latest, "done": done, "token": token}
        resume_at = visit.now if number == PAGES_PER_VISIT and not whole else None
        cursor = {"from": latest} if whole else under_way
        yield Step(listing, cursor, done / len(archives), updates, resume_at)


def _refuse_repetition(listing: Listing, token: str, seen: set[str], empty: int) -> None:
    """Raise FetchError for a page that was read before in this visit, or one empty page more."""
    # A paper may be in several archives, and then stands on several first pages.
    ids = {record.arxiv_id for record in listing.records} | set(listing.deleted) if token else set()
    if listing.next_page and listing.next_page in {token} | seen:
        raise FetchError("The archive gave the same resumption token again; its list never ends.")
    if ids and ids <= seen:
        raise FetchError("The archive gave the same page again; its list never ends.")
    if listing.next_page and empty > EMPTY_PAGES:
        raise FetchError("The archive gives empty pages; its list never ends.")
    seen |= ids | {listing.next_page or token}


def _page(visit: Visit, archive: str, begin: str, token: str) -> Listing | None:
    """Return the page of a token, or the first one of an archive; None for an expired token."""
    first = {"metadataPrefix": "arXiv", "from": begin} | ({"set": archive} if archive else {})
    query = {"resumptionToken": token} if token else first
    try:
        url = visit.url(BASE, verb="ListRecords", **query)
        return read(parse, visit.ask(url, accept="xml"), visit)
    except ListingError as error:
        if error.code == BAD_TOKEN and token:
            return None
        raise


def _named(address: str) -> str:
    return "" if "://" in address else address


def _set(category: str) -> str:
    """Return the OAI set of a category; the older physics archives are subsets of ``physics``."""
    archive = category.partition(".")[0]
    own = {"cs", "econ", "eess", "math", "q-bio", "q-fin", "stat", "physics"}
    return archive if archive in own else f"physics:{archive}"


def _is_older(record: PaperRecord, begin: str) -> bool:
    """Return whether a paper is much older than the days that are read, and so only changed."""
    first = record.published_at
    return first is not None and first.date() < date.fromisoformat(begin) - ADDED_WITHIN


def _is_in(record: PaperRecord, categories: frozenset[str]) -> bool:
    archives = {category.partition(".")[0] for category in record.categories}
    return not categories or bool(categories & (archives | set(record.categories)))
