"""The ``listing`` format: the text of a trending-papers page, as it was copied from it.

A masthead with the sign-up prompt, a byline, a date that may lack its year, then title and
abstract in turn, all separated by blank lines. Parts are recognised by their form, not by their
line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Final

from papers.sources.dates import date_line, midnight
from papers.sources.record import (
    Listing,
    ListingError,
    PaperRecord,
    RecordError,
    Rejection,
    build,
)
from papers.text import clean, identifiers

PROMPT: Final = re.compile(
    r"\b(?:in|to|into) your (?:e-?mail )?inbox\b|^get (?:trending )?papers\b", re.I
)
BYLINE: Final = re.compile(r"by\s?(?:[A-Z@]|the\b).{0,150}$|By (?:[A-Z@]|the\b).{0,150}$", re.S)
FURNITURE: Final = re.compile(
    r"(?:new|(?:trending|daily|today.s)(?: papers)?|subscribe|sign up|log ?in|\d[\d,.]*[kK]?)\W*$",
    re.IGNORECASE,
)
ID: Final = r"(?P<id>(?:arxiv:\s*|https?://(?:www\.)?arxiv\.org/(?:abs|pdf)/)[\w./-]*\w)"
# The paper's own id stands on a line of its own, or where the abstract says that the paper is.
OWN_LINE: Final = re.compile(
    rf"^\W*(?:(?:paper|preprint|arxiv(?: link| page| id)?)\s*:\s*)?{ID}[.\s]*$", re.I | re.M
)
OWN_SENTENCE: Final = re.compile(
    r"\b(?:th(?:is|e)|our|full|extended|and) (?:paper|preprint|manuscript|version)\b"
    r"(?: is| can be)?(?: also)?(?: available| found| accessible)?(?: online)? (?:at|on|as):? "
    rf"{ID}",
    re.I,
)


@dataclass(slots=True)
class _Entry:
    title: str
    day: date
    abstract: list[str] = field(default_factory=list)


def parse(body: bytes, *, today: date, day: date | None = None) -> Listing:
    """Return the papers of a saved listing, each announced on the listing's day.

    ``day`` overrides the date that the listing gives itself; a date without a year is its most
    recent occurrence up to ``today``. Raises ListingError when this is no such listing.
    """
    blocks = _blocks(_decode(body))
    if not any(PROMPT.search(block) or BYLINE.match(block) for block in blocks[:12]):
        raise ListingError(
            "This is not a trending-papers listing: it has neither the sign-up prompt nor a byline."
        )
    first = next((found for block in blocks[:12] if (found := date_line(block, today))), None)
    if first is None and day is None:
        raise ListingError(
            "The listing has no date line such as 'Mar 11'; give its day with --date."
        )
    if first is not None and day is None and first > today:
        raise ListingError(f"The listing is dated {first}, which is still to come.")
    listing = Listing(day=day or first)
    entries = _entries(blocks, day or first or today, today if day is None else None, listing)
    listing.collect(entries, _record, lambda _, entry: entry.title[:120])
    if not listing.records:
        raise ListingError(
            "The listing names no paper: no title with an abstract follows its date."
        )
    return listing


def _decode(body: bytes) -> str:
    if not body.strip():
        raise ListingError("The listing is empty.")
    try:
        decoded = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ListingError(
            "This is not a trending-papers listing: it is not UTF-8 text."
        ) from error
    if "\0" in decoded:
        raise ListingError("This is not a trending-papers listing: it is a binary file.")
    if re.match(r"\s*(?:<!doctype|<html|<\?xml|<rss|<feed|[{\[]\s*[\"{\]])", decoded, re.I):
        raise ListingError(
            "This is not a trending-papers listing but markup or data: "
            "save the text of the page, or name another format."
        )
    return decoded


def _blocks(decoded: str) -> list[str]:
    return [
        block.strip()
        for block in re.split(r"\n[^\S\n]*\n", re.sub(r"\r\n?|[\f\v]", "\n", decoded))
        if block.strip()
    ]


def _entries(
    blocks: list[str], day: date, today: date | None, listing: Listing
) -> Iterator[_Entry]:
    """Yield titles with abstracts; ``today`` is None when no date line may change the day."""
    entry: _Entry | None = None
    for block, following in pairwise([*_body(blocks, today or day), ""]):
        if found := date_line(block, today or day):
            day = found if today and found <= today else day
        elif entry and _continues(entry, block, following):
            entry.abstract.append(block)
        elif _is_abstract(block):
            shortened = " ".join(block.split())[:120]
            listing.rejections.append(Rejection(shortened, "The abstract has no title."))
        else:
            if entry:
                yield entry
            entry = _Entry(block, day)
    if entry:
        yield entry


def _body(blocks: list[str], today: date) -> Iterator[str]:
    """Yield the blocks without masthead, sign-up prompts and bylines.

    A byline is the first block of its form, and any right before a date. Titles may begin with
    "By" as well.
    """
    signed = False
    for block, following in pairwise([*blocks, ""]):
        short = len(block) < 160
        if short and BYLINE.match(block) and (not signed or date_line(following, today)):
            signed = True
        elif not (short and (FURNITURE.match(block) or PROMPT.search(block))):
            yield block


def _continues(entry: _Entry, block: str, following: str) -> bool:
    """Return whether a block belongs to the abstract of the entry above it.

    One sentence may be a short abstract, a last paragraph, or a title that ends in a full stop;
    the block after it decides.
    """
    followed = _is_abstract(following) or _is_sentence(following)
    if entry.abstract:
        return _is_abstract(block) or (_is_sentence(block) and not followed)
    return _is_abstract(block) or _is_sentence(block) or not followed


def _is_abstract(block: str) -> bool:
    """Return whether a block is prose: longer than titles get, or more than one sentence."""
    return len(block) > 320 or bool(re.search(r"[a-z)\]]\. [A-Z].*\.\W*$", block, re.DOTALL))


def _is_sentence(block: str) -> bool:
    return block.endswith(".") and len(block.split()) >= 6


def _record(entry: _Entry) -> PaperRecord:
    if not entry.abstract:
        raise RecordError("The title has no abstract.")
    abstract = "\n\n".join(entry.abstract)
    own = None
    if match := OWN_LINE.search(abstract):
        own = identifiers.arxiv_id(match["id"])
        abstract = abstract.replace(match.group(), "") if own else abstract
    elif match := OWN_SENTENCE.search(abstract):
        own = identifiers.arxiv_id(match["id"])
    return build(
        clean.unescaped(entry.title),
        clean.unescaped(abstract),
        own,
        announced_at=midnight(entry.day),
    )
