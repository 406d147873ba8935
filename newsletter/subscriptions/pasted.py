"""Liked papers as people paste them: lines with ids, or the entries of a reference manager."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from newsletter.subscriptions import parsers, reference_files
from newsletter.subscriptions.parsers import InputError

ENTRIES: Final = re.compile(r"^[ \t]*(?:@[A-Za-z]+\s*[{(]|TY  - )", re.MULTILINE)
"""Where BibTeX or RIS begins."""


@dataclass(frozen=True, slots=True)
class PastedPapers:
    """The canonical ids of the papers, and a sentence about entries that were left out."""

    papers: list[str]
    note: str = ""


def read(text: str) -> PastedPapers:
    """Return the papers that a text names: lines first, then BibTeX or RIS from its first entry on.

    A line must name a paper. Of the entries those that the catalogue does not have are left out.

    Raises:
        InputError: A line, or every entry, names no paper; or there are too many.
    """
    start = ENTRIES.search(text)
    if start is None:
        return PastedPapers(parsers.paper_ids(text))
    typed = parsers.paper_ids(text[: start.start()])
    found = reference_files.read("", text[start.start() :].encode())
    left_out = found.unknown + found.unreadable
    if not found.papers:
        raise InputError(
            f"None of the {left_out} pasted entries is a paper we know; add their arXiv ids."
        )
    papers = list(dict.fromkeys([*typed, *found.papers]))
    if len(papers) > parsers.MAX_ENTRIES:
        raise InputError(f"There are {len(papers)} papers; write at most {parsers.MAX_ENTRIES}.")
    return PastedPapers(papers, _note(len(found.papers), left_out))


def _note(known: int, left_out: int) -> str:
    if not left_out:
        return ""
    return f"Of {known + left_out} pasted entries we know {known}; the others were left out."
