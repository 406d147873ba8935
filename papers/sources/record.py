"""What every parser yields: records of papers, and what was wrong with the rest."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, TypedDict, TypeVar, Unpack

from papers.text import clean, identifiers
from papers.text.author_names import author_name
from papers.text.identifiers import ArxivId
from papers.text.links import code_link, link

TITLE_LENGTH: Final = 1000
RAW_LENGTH: Final = 20_000
"""Characters of a title or abstract that are stored as their source has them."""
NAME_LENGTH: Final = 300
SUMMARY_LENGTH: Final = 600
AUTHORS: Final = 10_000
Item = TypeVar("Item")


class ListingError(ValueError):
    """An answer or file as a whole is not of its format; the message is for the operator.

    ``code`` is the source's own name of the error, where it has one.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class RecordError(ValueError):
    """One record cannot be used; the message names the fault."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """A running total of one paper: ``name`` as in Signal.Name."""

    name: str
    value: float


def total(value: object) -> float | None:
    """Return a count, however it is written; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None


@dataclass(frozen=True, slots=True)
class PaperRecord:
    """One paper in one source's words; an empty value is one that the source does not have.

    ``raw_title`` and ``raw_abstract`` are the texts before cleaning, ``summary`` is one sentence
    by Hugging Face. ``arxiv_id`` has no version; ``version`` is None where the source gives none.
    ``announced_at`` is the earliest day on which the paper can have been listed, so that a new
    version or a late cross-list never looks new. ``withdrawn`` is None where the source cannot
    tell. ``measurements`` were taken at ``observed_at``. Times are aware, in UTC.
    """

    title: str
    abstract: str = ""
    raw_title: str = ""
    raw_abstract: str = ""
    summary: str = ""
    arxiv_id: str = ""
    version: int | None = None
    doi: str = ""
    authors: tuple[str, ...] = ()
    primary_category: str = ""
    categories: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    published_at: datetime | None = None
    revised_at: datetime | None = None
    announced_at: datetime | None = None
    comment: str = ""
    journal_ref: str = ""
    license: str = ""
    url: str = ""
    pdf_url: str = ""
    code_url: str = ""
    withdrawn: bool | None = None
    mentions: tuple[str, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    observed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that was left out, by id, title or place, and the reason in one sentence."""

    record: str
    reason: str


@dataclass(slots=True)
class Listing:
    """One answer or file, read.

    ``deleted`` holds arXiv ids that the source no longer has, ``next_page`` the token of the
    next page (empty at the end), ``total`` how many records all pages hold where the source
    says so, ``day`` the day that the listing is of, ``note`` why a listing without records is
    in order, and ``damage`` what is wrong with it as a whole although records could be read.
    """

    records: list[PaperRecord] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    next_page: str = ""
    total: int | None = None
    day: date | None = None
    note: str = ""
    damage: str = ""

    def collect(
        self,
        items: Iterable[Item],
        record: Callable[[Item], PaperRecord],
        name: Callable[[int, Item], str],
    ) -> None:
        """Add the record of each item.

        An item whose ``record`` raises RecordError is rejected under its ``name``, which is made
        of its number, from 1, and the item.
        """
        for number, item in enumerate(items, 1):
            try:
                self.records.append(record(item))
            except RecordError as error:
                self.rejections.append(Rejection(name(number, item), str(error)))


class Values(TypedDict, total=False):
    """Values that a source may have of a paper beside its ids, title and authors."""

    categories: Iterable[str]
    keywords: Iterable[str]
    published_at: datetime | None
    revised_at: datetime | None
    announced_at: datetime | None
    journal_ref: str
    license: str
    summary: str
    url: str
    pdf_url: str
    code_url: str
    withdrawn: bool | None
    measurements: tuple[Measurement, ...]
    observed_at: datetime | None
    needs_title: bool


def build(
    title: str,
    abstract: str = "",
    own: ArxivId | None = None,
    doi: str = "",
    authors: Iterable[str] = (),
    comment: str = "",
    **values: Unpack[Values],
) -> PaperRecord:
    """Return a clean record of a source's values: texts cleaned, links checked, lengths kept.

    The first category is the primary one. arXiv's own DOIs count as arXiv ids. Without
    ``needs_title`` a record with an arXiv id or a DOI may lack a title.

    Raises:
        RecordError: The record has no title.
    """
    own = own or identifiers.arxiv_id(doi)
    raw_abstract = abstract[:RAW_LENGTH]
    abstract, comment = clean.paragraphs(abstract), clean.line(comment)
    categories = _words(values.get("categories", ()), 32)
    code = link(values.get("code_url", "")) or code_link(f"{abstract}\n{comment}")
    return PaperRecord(
        title=clean_title(title, needed=values.get("needs_title", True) or not (own or doi)),
        abstract=abstract,
        raw_title=title[:RAW_LENGTH],
        raw_abstract=raw_abstract,
        summary=_summary(values.get("summary", "")),
        arxiv_id=own.id if own else "",
        version=own.version if own else None,
        doi="" if identifiers.arxiv_id(doi) else identifiers.doi(doi),
        authors=_authors(authors),
        primary_category=categories[0] if categories else "",
        categories=categories,
        keywords=_words(values.get("keywords", ()), 100),
        published_at=values.get("published_at"),
        revised_at=values.get("revised_at"),
        announced_at=values.get("announced_at"),
        comment=comment,
        journal_ref=clean.shortened(clean.line(values.get("journal_ref", "")), 1000),
        license=link(values.get("license", ""))[:255],
        url=f"https://arxiv.org/abs/{own.id}" if own else link(values.get("url", "")),
        pdf_url=_pdf(own, values),
        code_url=code,
        withdrawn=values.get("withdrawn"),
        mentions=_mentions(abstract, own),
        measurements=values.get("measurements", ()),
        observed_at=values.get("observed_at"),
    )


def clean_title(raw: str, *, needed: bool = True) -> str:
    """Return a title as it is stored. Raises RecordError when it is empty and needed."""
    title = clean.shortened(clean.line(raw), TITLE_LENGTH)
    if needed and not title:
        raise RecordError("The record has no title.")
    return title


def _summary(raw: str) -> str:
    summary = clean.line(raw)
    return summary if len(summary) <= SUMMARY_LENGTH else ""


def _authors(names: Iterable[str]) -> tuple[str, ...]:
    cleaned = (clean.shortened(author_name(clean.line(name)), NAME_LENGTH) for name in names)
    # Two authors of one paper may have the same name: both stay.
    return tuple(filter(None, cleaned))[:AUTHORS]


def _words(words: Iterable[str], length: int) -> tuple[str, ...]:
    cleaned = dict.fromkeys(clean.line(word) for word in words)
    return tuple(word for word in cleaned if word and len(word) <= length)


def _pdf(own: ArxivId | None, values: Values) -> str:
    """Return the source's PDF, else arXiv's; a withdrawn version has none."""
    if values.get("withdrawn"):
        return ""
    if "pdf_url" in values or own is None:
        return link(values.get("pdf_url", ""))
    return f"https://arxiv.org/pdf/{own.id}" + (f"v{own.version}" if own.version else "")


def _mentions(abstract: str, own: ArxivId | None) -> tuple[str, ...]:
    found = (mention.id for mention in identifiers.mentioned_arxiv_ids(abstract))
    return tuple(mention for mention in found if own is None or mention != own.id)
