"""The reason of a paper that a search found. Free of Django and of I/O."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from papers.recommend.query_parsing import Word
from papers.recommend.shared_phrases import GENERAL_WORDS

MOST_PARTS: Final = 3
"""Parts of a search in one reason."""


def search_reason(
    text: str,
    words: Sequence[Word],
    held: Sequence[bool],
    stems: Callable[[], Sequence[str]],
    is_common: Callable[[str], bool],
) -> str:
    """Return in words how far a paper is on the subject of a search.

    Named are parts of the search that stand together in the paper, and single words that name a
    subject by themselves.

    Args:
        text: The search as typed.
        words: Its words.
        held: For each of them, then for each phrase in quotes, whether the paper has it in any of
            its forms.
        stems: Returns the stems of the paper in order, without those of stop words; called only
            where the paper lacks a word of the search.
        is_common: Returns whether a stem is too frequent to name a subject.
    """
    if all(held):
        return f"on “{text}”"
    paper = stems()
    parts = [
        _as_typed(text, part)
        for run in _runs(words, held)
        for part in _parts(run, paper, is_common)
    ]
    return f"part of “{text}”: {', '.join(parts[:MOST_PARTS])}" if parts else f"close to “{text}”"


def _runs(words: Sequence[Word], held: Sequence[bool]) -> Iterator[list[Word]]:
    """Yield the words that the paper has, those together that are neighbours in the search."""
    run: list[Word] = []
    for word, has in zip(words, held, strict=False):
        if run and not (has and word.position == run[-1].position + 1):
            yield run
            run = []
        if has:
            run.append(word)
    if run:
        yield run


def _parts(
    run: Sequence[Word], paper: Sequence[str], is_common: Callable[[str], bool]
) -> Iterator[Sequence[Word]]:
    """Yield the longest parts of a run that stand together in the paper, from its beginning on."""
    start = 0
    while start < len(run):
        end = len(run)
        while end > start + 1 and not _stands_in(run[start:end], paper):
            end -= 1
        word = run[start]
        known = word.is_name or not (word.typed.lower() in GENERAL_WORDS or is_common(word.stem))
        if end > start + 1 or (known and _stands_in([word], paper)):
            yield run[start:end]
        start = end


def _stands_in(words: Sequence[Word], paper: Sequence[str]) -> bool:
    wanted = [stem for word in words for stem in word.stem.split()]
    count = len(wanted)
    return any(
        list(paper[at : at + count]) == wanted for at, stem in enumerate(paper) if stem == wanted[0]
    )


def _as_typed(text: str, words: Sequence[Word]) -> str:
    """Return a part of a search with the hyphens and spaces of its author."""
    typed = [word.typed for word in words]
    found = re.search(r"\W+".join(map(re.escape, typed)), text, re.IGNORECASE)
    return found[0] if found else " ".join(typed)
