"""The words of a reader's likes that decide which papers fit. Free of Django and of I/O."""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from papers.recommend.index import Index
from papers.recommend.profile import Profile
from papers.recommend.ranking import known_likes
from papers.recommend.shared_phrases import GENERAL_WORDS, GENERIC_NOUNS
from papers.recommend.similarity import Scores
from papers.recommend.tokenize import words

BEST: Final = 30
"""Papers that fit best, on which the pull of a word is measured."""
NAMELESS: Final = GENERAL_WORDS | GENERIC_NOUNS
"""Words that say nothing of what a reader likes."""
LEAST_LETTERS: Final = 3
LEAST_PULL: Final = 0.005


class DrivingWord(NamedTuple):
    """A word, and the share of the similarity of the best papers that is gone without it."""

    word: str
    pull: float


def driving_words(index: Index, profile: Profile, most: int = 12) -> list[DrivingWord]:
    """Return the words of the likes with the strongest pull on what fits, the strongest first.

    A word stands for all its forms and for the phrases that it is part of; so the shares of two
    words may overlap. Words that the profile ignores are left out.
    """
    known = known_likes(index, profile)
    if known is None or not len(index):
        return []
    rows, weights, _ = known
    ignored = index.terms_of(profile.ignored)
    scores = index.similarity.fit(*known, ignored=ignored).scores
    best = np.argsort(-scores, kind="stable")[:BEST]
    columns, parts = index.similarity.contributions(rows, weights, best)
    if ignored is not None:
        parts = np.where(ignored(columns), 0, parts)
    positions, stems = index.vocabulary.stems_in(columns)
    inside = stems >= 0
    # A phrase that holds a word twice is lost but once.
    pairs = np.unique(np.stack([positions[inside], stems[inside]]), axis=1)
    pulls = np.bincount(pairs[1], weights=parts[pairs[0]])
    total = float(parts.sum())
    named = {number: word for number, word in _named(index, rows).items() if number < len(pulls)}
    strongest = sorted(named, key=lambda number: (-pulls[number], named[number]))[: 2 * most]
    found = [DrivingWord(named[number], 0.0) for number in strongest if total > 0]
    found = [one._replace(pull=_pull(index, one.word, columns, parts) / total) for one in found]
    found = [one for one in found if one.pull >= LEAST_PULL]
    return sorted(found, key=lambda one: (-one.pull, one.word))[:most]


def _pull(index: Index, word: str, columns: NDArray[np.integer], parts: Scores) -> float:
    """Return the sum of the parts of the terms that hold a word."""
    holding = index.terms_of([word])
    return float(parts[holding(columns)].sum()) if holding else 0.0


def _named(index: Index, rows: tuple[int, ...]) -> dict[int, str]:
    """Return the most frequent form of each stem in the liked papers, without general words."""
    counts = Counter(word for row in rows for word in words(index.documents[row].text))
    named: dict[int, str] = {}
    for word, _ in sorted(counts.items(), key=lambda one: (-one[1], one[0])):
        number = index.vocabulary.stem_number(word)
        if number >= 0 and len(word) >= LEAST_LETTERS and word not in NAMELESS:
            named.setdefault(number, word)
    return named
