"""The ``arxiv-oai`` format: OAI-PMH answers, with records in ``arXiv`` form or Dublin Core.

Protocol: https://www.openarchives.org/OAI/openarchivesprotocol.html, arXiv's side of it:
https://info.arxiv.org/help/oa/. The arXiv form has dates without times and no version.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from lxml.etree import _Element

from papers import identifiers, text
from papers.identifiers import ArxivId
from papers.sources import markup
from papers.sources.arxiv import is_withdrawn
from papers.sources.arxiv_categories import CODES
from papers.sources.dates import moment
from papers.sources.markup import child, children
from papers.sources.record import (
    Listing,
    ListingError,
    PaperRecord,
    RecordError,
    Rejection,
    build,
)

WHAT: Final = "an OAI-PMH answer"
NOTHING_NEW: Final = "noRecordsMatch"
BAD_TOKEN: Final = "badResumptionToken"  # noqa: S105 - the name of an error


def parse(body: bytes, *, today: date, day: date | None = None) -> Listing:  # noqa: ARG001 - dated
    """The records of one page, the ids of deleted ones, and the token of the next page.

    ``day`` of the listing is the latest datestamp in it. Raises ListingError with the protocol's
    error code for every error but "no records match", which is a quiet day.
    """
    document = markup.read(body, record="record", roots=frozenset({"OAI-PMH"}), what=WHAT)
    listing = Listing(rejections=document.rejections, damage=document.damage)
    for problem in document.root.findall("{*}error"):
        code, words = str(problem.get("code")), text.line(problem.text or "")
        if code != NOTHING_NEW:
            raise ListingError(f"The archive answered with {code}: {words or 'no reason'}.", code)
        listing.note = "A quiet day: the archive has no new or changed record."
    for record in document.records:
        try:
            _read(record, listing)
        except RecordError as error:
            named = markup.described(record, child(record, "header/identifier"))
            listing.rejections.append(Rejection(named, str(error)))
    for token in document.root.iter("{*}resumptionToken"):
        listing.next_page = (token.text or "").strip()
        size = token.get("completeListSize") or ""
        # arXiv has sent 1 here for lists of a thousand: a size is told only if it can be true.
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
    form = markup.name(metadata[0])
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
    subjects = (text.line(subject) for subject in children(paper, "subject"))
    return build(
        child(paper, "title"),
        abstracts[0] if abstracts else "",
        own,
        next((found for found in named if identifiers.doi(found)), ""),
        [_western(name) for name in children(paper, "creator")],
        comment,
        categories=[CODES[subject] for subject in subjects if subject in CODES],
        published_at=dates[0] if dates else None,
        revised_at=dates[-1] if dates else None,
        license=child(paper, "rights"),
        url=next((found for found in named if found.startswith("http")), ""),
        withdrawn=is_withdrawn(comment),
    )


def _western(name: str) -> str:
    """``Li, Chuankun`` in the order in which it is said."""
    last, comma, first = name.partition(",")
    return f"{first.strip()} {last.strip()}" if comma else name
