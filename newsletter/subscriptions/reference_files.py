"""Papers named in the files of reference managers: BibTeX, RIS, Zotero's CSV, lists of ids."""

from __future__ import annotations

import csv
import io
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Final

import rispy
from bibtexparser.entrypoint import parse_string

from newsletter.subscriptions import parsers
from papers.models import Paper
from papers.text import clean, identifiers

FILE_BYTES: Final = 20_000_000
ZOTERO_COLUMNS: Final = ("Title", "Url", "DOI", "Extra", "Archive ID")
ARXIV_TYPES: Final = re.compile(r"^\s*@", re.MULTILINE)
RIS_TAG: Final = re.compile(r"^TY  - ", re.MULTILINE)


class ReferenceFileError(ValueError):
    """The file cannot be used as a whole; the message is one sentence for its owner."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One entry: everything that may hold an arXiv id, its DOI, and its title."""

    texts: tuple[str, ...]
    doi: str = ""
    title: str = ""

    @property
    def is_readable(self) -> bool:
        """Return whether the entry names anything that a paper can be found by."""
        return bool(self.title or self.doi or any(self.texts))


@dataclass
class Found:
    """What became of the entries: ids of papers, and counts of the others."""

    papers: list[str] = field(default_factory=list)
    unknown: int = 0
    unreadable: int = 0


def read(name: str, body: bytes) -> Found:
    """Find the papers of a file; its name's ending or its content says the format.

    Raises:
        ReferenceFileError: The file is too large or no text.
    """
    if len(body) > FILE_BYTES:
        raise ReferenceFileError(f"The file is larger than {FILE_BYTES // 1_000_000} MB; split it.")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReferenceFileError("The file is not UTF-8 text; export it as UTF-8.") from error
    found = Found()
    references = []
    for reference in _references(PurePath(name).suffix.lower(), text):
        if reference is None or not reference.is_readable:
            found.unreadable += 1
        else:
            references.append(reference)
    _resolve(references, found)
    return found


def _references(ending: str, text: str) -> Iterator[Reference | None]:
    """Yield the entries of a text in its format; None for one that cannot be read."""
    if ending == ".bib" or ARXIV_TYPES.match(text.lstrip()):
        return _bibtex(text)
    if ending == ".ris" or RIS_TAG.search(text[:2000]):
        return _ris(text)
    header = text.partition("\n")[0]
    if "Title" in header and ("Item Type" in header or "DOI" in header):
        return _zotero(text)
    return _lines(text)


def _bibtex(text: str) -> Iterator[Reference | None]:
    logging.getLogger("bibtexparser").setLevel(logging.ERROR)
    library = parse_string(text)
    for entry in library.entries:
        fields = {one.key.lower(): str(one.value) for one in entry.fields}
        yield Reference(
            texts=tuple(fields.get(key, "") for key in ("eprint", "url", "journal", "note", "doi")),
            doi=fields.get("doi", ""),
            title=clean.line(fields.get("title", "")),
        )
    for _ in library.failed_blocks:
        yield None


def _ris(text: str) -> Iterator[Reference | None]:
    try:
        entries = rispy.loads(text, skip_unknown_tags=True)
    except (ValueError, OSError, KeyError, IndexError):
        yield None
        return
    for entry in entries:
        urls = [url for key in ("urls", "url") for url in _strings(entry.get(key))]
        doi = str(entry.get("doi", ""))
        title = entry.get("title") or entry.get("primary_title") or ""
        yield Reference((*urls, str(entry.get("number", "")), doi), doi, clean.line(str(title)))


def _strings(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value or "")]


def _zotero(text: str) -> Iterator[Reference | None]:
    csv.field_size_limit(10_000_000)
    rows = csv.DictReader(io.StringIO(text, newline=""))
    try:
        for row in rows:
            cells = {name: row.get(name) or "" for name in ZOTERO_COLUMNS}
            yield Reference(
                (cells["Url"], cells["Extra"], cells["Archive ID"], cells["DOI"]),
                cells["DOI"],
                clean.line(cells["Title"]),
            )
    except csv.Error:
        yield None


def _lines(text: str) -> Iterator[Reference | None]:
    for written in text.splitlines():
        named = identifiers.pasted_arxiv_ids(written)
        for one in named:
            yield Reference((one.id,))
        if not named and written.strip():
            yield Reference((), title=written.strip()) if len(written) < 1000 else None


def _resolve(references: list[Reference], found: Found) -> None:
    """Sort entries into papers and unknown ones, with one query for DOIs and two for the rest."""
    dois = {one.doi.lower() for one in references if one.doi}
    by_doi = {
        doi.lower(): paper
        for doi, paper in Paper.objects.filter(doi__in=dois).values_list("doi", "canonical_id")
    }
    named = [_arxiv_id(one) for one in references]
    names = {name for name in named if name} | {one.title for one in references if one.title}
    known = parsers.resolve_papers(names)
    for reference, name in zip(references, named, strict=True):
        paper = known.get(name) or by_doi.get(reference.doi.lower()) or known.get(reference.title)
        if paper:
            found.papers.append(paper)
        else:
            found.unknown += 1
    found.papers = list(dict.fromkeys(found.papers))


def _arxiv_id(reference: Reference) -> str:
    """Return the first arXiv id in the entry's texts, or an empty string."""
    for text in reference.texts:
        own = identifiers.arxiv_id(text) or next(iter(identifiers.pasted_arxiv_ids(text)), None)
        if own:
            return own.id
    return ""
