"""Merging of a record into the row of its paper.

A newer version, or a more trustworthy source of the same version, replaces values; anything
else fills gaps. An empty value never replaces one, and a first date never moves later.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from papers.ingest.summaries import SUMMARY_FIELDS, summarize
from papers.models import Paper
from papers.sources.arxiv import announcement_of
from papers.sources.record import PaperRecord
from papers.text import clean, identifiers

TEXTS: Final = (
    "title", "abstract", "primary_category", "comment", "journal_ref", "doi", "license",
    "url", "pdf_url", "code_url",
)  # fmt: skip
LISTS: Final = ("authors", "categories", "keywords", "mentions")
CLEANED: Final = ("title", "abstract")
MERGED_FIELDS: Final = (
    *TEXTS, *LISTS, "raw_title", "raw_abstract", "cleaned_with", "canonical_id", "former_id",
    "title_key", "version", "published_at", "revised_at", "announced_at", "withdrawn", "authority",
    "source_summary", *SUMMARY_FIELDS,
)  # fmt: skip
SUMMARIZED_FIELDS: Final = ("title", "abstract", "withdrawn", "source_summary")


def new_paper(record: PaperRecord, authority: int, seen_at: datetime) -> Paper:
    """Return the unsaved row of a paper that is not in the catalogue."""
    paper = Paper(
        canonical_id=record.arxiv_id or identifiers.title_id(record.title),
        version=record.version or 1,
        published_at=record.published_at,
        revised_at=record.revised_at or record.published_at,
        announced_at=min(_first_listed(record) or seen_at, seen_at),
        first_seen_at=seen_at,
        withdrawn=bool(record.withdrawn),
        authority=authority,
    )
    _replace(paper, record)
    if paper.withdrawn:
        paper.pdf_url = ""
    paper.title_key = identifiers.title_key(paper.title)
    paper.source_summary = record.summary
    summarize(paper)
    return paper


def _first_listed(record: PaperRecord) -> datetime | None:
    """Return when a paper was announced, as far as its record says.

    arXiv announces a paper hours or days after its submission, and never at a weekend.
    """
    if record.announced_at or not record.arxiv_id:
        return record.announced_at or record.published_at
    if record.published_at:
        return announcement_of(record.published_at)
    return identifiers.ArxivId(record.arxiv_id, None).month


def merge(paper: Paper, record: PaperRecord, authority: int) -> bool:
    """Update a row with a record of its paper; return whether anything changed."""
    before, read = _values(paper), _values(paper, SUMMARIZED_FIELDS)
    age = _compare_versions(record, paper)
    if record.arxiv_id and record.arxiv_id != paper.canonical_id:
        paper.former_id, paper.canonical_id = paper.canonical_id, record.arxiv_id
    outdated = paper.cleaned_with < clean.VERSION and authority == paper.authority
    if age > 0 or (age == 0 and (authority > paper.authority or outdated)):
        _replace(paper, record)
        paper.authority = authority
        if record.withdrawn is not None:
            paper.withdrawn = record.withdrawn
    else:
        _fill(paper, record, same_version=age == 0)
        paper.withdrawn = paper.withdrawn or (age == 0 and record.withdrawn is True)
    paper.version = max(paper.version, record.version or 1)
    if paper.withdrawn:
        paper.pdf_url = ""
    _merge_dates(paper, record, age)
    paper.title_key = identifiers.title_key(paper.title)
    paper.source_summary = record.summary or paper.source_summary
    if _values(paper, SUMMARIZED_FIELDS) != read:
        summarize(paper)
    return _values(paper) != before


def _values(paper: Paper, fields: Iterable[str] = MERGED_FIELDS) -> list[object]:
    return [getattr(paper, name) for name in fields]


def _compare_versions(record: PaperRecord, paper: Paper) -> int:
    """Return above 0 when the record is of a newer version than the row, below 0 when older."""
    if record.version and record.version != paper.version:
        return record.version - paper.version
    if record.revised_at and paper.revised_at:
        return (record.revised_at.date() - paper.revised_at.date()).days
    return 0


def _replace(paper: Paper, record: PaperRecord) -> None:
    if record.title and (record.abstract or not paper.abstract):
        paper.cleaned_with = clean.VERSION
    for name in (*TEXTS, *LISTS):
        if getattr(record, name):
            _copy(paper, record, name)


def _copy(paper: Paper, record: PaperRecord, name: str) -> None:
    """Take a value from a record; of a title or abstract the text before cleaning, too."""
    value = getattr(record, name)
    setattr(paper, name, list(value) if name in LISTS else value)
    if name in CLEANED:
        setattr(paper, f"raw_{name}", getattr(record, f"raw_{name}"))


def _fill(paper: Paper, record: PaperRecord, *, same_version: bool) -> None:
    for name in TEXTS:
        old, new = getattr(paper, name), getattr(record, name)
        if new and (not old or (same_version and name == "abstract" and _completes(old, new))):
            _copy(paper, record, name)
    for name in LISTS:
        old, new = getattr(paper, name), list(getattr(record, name))
        if new and (not old or (same_version and set(old) < set(new))):
            setattr(paper, name, new)


def _completes(old: str, new: str) -> bool:
    """Return whether the old text is the new one cut short."""
    kept = old.rstrip(" .…")
    return len(new) > len(old) and new.startswith(kept) and old != kept + "."


def _merge_dates(paper: Paper, record: PaperRecord, age: int) -> None:
    if record.published_at:
        known = paper.published_at
        paper.published_at = _earlier(known, record.published_at) if known else record.published_at
    revised = record.revised_at
    if revised and (paper.revised_at is None or age > 0):
        paper.revised_at = revised
    elif revised and paper.revised_at and revised.date() == paper.revised_at.date():
        paper.revised_at = max(revised, paper.revised_at)
    if record.announced_at:
        paper.announced_at = min(paper.announced_at, record.announced_at)


def _earlier(one: datetime, other: datetime) -> datetime:
    """Return the earlier of two times; of the same day, the one with a time of day."""
    if one.date() == other.date():
        precise = [moment for moment in (one, other) if (moment.hour, moment.minute) != (0, 0)]
        return min(precise) if precise else min(one, other)
    return min(one, other)
