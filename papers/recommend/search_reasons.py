"""The reason of a paper that a search found. Free of Django and of I/O."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from typing import Final

from papers.recommend.query_parsing import Word
from papers.recommend.shared_phrases import GENERAL_WORDS
from papers.recommend.tokenize import stem
from papers.recommend.tokenize import words as paper_words

MOST_PARTS: Final = 3
"""Parts of a search in one reason."""
DERIVATION: Final = re.compile(r"(?<=\w{3})(?:(?:at)?(?:ion|ing|ed|es?|or|ive)|er|ic|s)+$")
"""Endings of words on one subject: *detect*, *detection*, unlike *token* and *tokenizer*."""


def search_reason(
    text: str,
    words: Sequence[Word],
    held: Sequence[bool],
    paper: str,
    is_common: Callable[[str], bool],
    *,
    together: bool = True,
    subject: bool = True,
) -> str:
    """Return in words how far a paper is on the subject of a search.

    Where the paper has not all of it together, parts of the search that stand together are named,
    and single words that name a subject by themselves.

    Args:
        text: The search as typed.
        words: Its words.
        held: For each of them, then for each phrase in quotes, whether the paper has it in any of
            its forms.
        paper: The text of the paper.
        is_common: Returns whether a stem is too frequent to name a subject.
        together: Whether neighbouring words of the search stand together in the paper.
        subject: Whether they do so more than in passing.
    """
    lower = paper.lower()
    related = [_is_only_related(word, lower) for word in words]
    held = [has and not other for has, other in zip_longest(held, related, fillvalue=False)]
    if all(held) and together:
        return f"on “{text}”" if subject else f"mentions “{text}”"
    stems = [one for one in map(stem, paper_words(paper)) if one]
    found = [part for run in _runs(words, held) for part in _parts(run, stems, is_common)]
    parts = [_as_typed(text, part) for part in found]
    if not parts:
        return f"close to “{text}”"
    if all(held) and 1 < len(parts) <= MOST_PARTS and sum(map(len, found)) == len(words):
        *first, last = (f"“{part}”" for part in parts)
        return f"mentions {', '.join(first)} and {last}"
    return f"part of “{text}”: {', '.join(parts[:MOST_PARTS])}"


def _is_only_related(word: Word, paper: str) -> bool:
    """Return whether a paper has the stem of a word, but no word on the same subject."""
    root = DERIVATION.sub("", word.typed.lower())
    if root in paper:
        return False
    same = {one for one in paper_words(paper) if stem(one) == word.stem}
    return bool(same) and _folded(root) not in {_folded(DERIVATION.sub("", one)) for one in same}


def _folded(root: str) -> str:
    """Return the root that *vulnerability* and *vulnerabilities* share."""
    return root.replace("y", "i")


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
