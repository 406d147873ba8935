"""Positional inverted index of the stems of titles and abstracts, for searches.

Positions count the words of a text. Between two sentences there is a gap larger than any window
of a search, so that words near each other are in one sentence. Free of Django and of I/O.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from papers.recommend.tfidf import Matrix
from papers.recommend.tokenize import Tokens, stem

Positions = NDArray[np.int32]
Places = NDArray[np.unsignedinteger]
Scores = NDArray[np.float32]

SENTENCE_END: Final = re.compile(r"(?<=[.!?;:])\s+")
GENERAL_COMPOUND: Final = re.compile(r"\b(?:real[- ]world|state[- ]of[- ]the[- ]art)\b", re.I)
"""General English whose parts are subjects by themselves: *real-world* is no world model."""
SENTENCE_GAP: Final = 20
"""Positions skipped between two sentences."""
OPENING_SENTENCES: Final = 2
"""Sentences of an abstract that say what a paper is about."""
TITLE_WEIGHT: Final = 2.0
"""Term frequency of one word of a title; one of an abstract has 1."""
MOST_COUNTED: Final = 255
"""The most weighted count of a stem in one text."""
INFLECTION: Final = re.compile(r"(?<=\w{3})(?:'s|ings?|e?d|e?s|e)$")
DERIVED_WEIGHT: Final = 0.4
"""Weight of a word that only shares the stem with the typed one."""
K1: Final = 1.2
"""k1 of BM25: how slowly the term frequency saturates."""
B: Final = 0.5
"""b of BM25: how much longer texts are penalised."""


@dataclass(frozen=True, slots=True)
class Occurrences:
    """The occurrences of a word or phrase, ascending.

    Attributes:
        starts: Position of the first word, one entry for each occurrence.
        ends: Position of the last word.
        places: Index of the text.
        weights: ``TITLE_WEIGHT`` in a title, one elsewhere.
    """

    starts: Positions
    ends: Positions
    places: Places
    weights: Scores

    def __len__(self) -> int:
        return len(self.starts)

    def only(self, kept: NDArray[np.bool_] | NDArray[np.intp]) -> Occurrences:
        """Return the occurrences that a mask or an array of indexes selects."""
        return Occurrences(
            self.starts[kept], self.ends[kept], self.places[kept], self.weights[kept]
        )

    def before(self, other: Occurrences, distance: int) -> Occurrences:
        """Return those that ``other`` follows within ``distance`` positions.

        Both may be at one position, as an abbreviation counts for each word of its long form.
        """
        next_one = other.starts.searchsorted(self.ends, "left")
        return self.only(next_one < self._end_of_window(other, distance))

    def near(self, other: Occurrences, distance: int) -> Occurrences:
        """Return those that have ``other`` within ``distance`` positions on either side."""
        low = other.starts.searchsorted(self.starts - distance, "left")
        return self.only(low < self._end_of_window(other, distance))

    def _end_of_window(self, other: Occurrences, distance: int) -> NDArray[np.intp]:
        return np.asarray(other.starts.searchsorted(self.ends + distance, "right"), np.intp)


NO_OCCURRENCES: Final = Occurrences(
    np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.uint8), np.empty(0, np.float32)
)


class PositionIndex:
    """Inverted index of the stems of some texts, each a title and an abstract."""

    def __init__(self, titles: Sequence[str], abstracts: Sequence[str]) -> None:
        sentences: list[str] = []
        places: list[int] = []
        for place, (title, abstract) in enumerate(zip(titles, abstracts, strict=True)):
            parts = [title, *SENTENCE_END.split(abstract)]
            parts = [GENERAL_COMPOUND.sub(" | ", part) for part in parts]
            sentences += parts
            places += [place] * len(parts)
        self.count = len(titles)
        self._build(Tokens(sentences), np.array(places, np.int32))

    def _build(self, tokens: Tokens, places: NDArray[np.int32]) -> None:
        self.stems: dict[str, int] = {}
        numbers = [
            self.stems.setdefault(one, len(self.stems)) if one else -1
            for one in map(stem, tokens.words)
        ]
        found = np.array(numbers, np.int32)[tokens.ids]
        kept = np.flatnonzero(found >= 0)
        found = found[kept]
        sentence = tokens.texts[kept]
        order = np.argsort(found, kind="stable")
        self._starts = np.searchsorted(found[order], np.arange(len(self.stems) + 1))
        at = (kept + SENTENCE_GAP * sentence).astype(np.int32)[order]
        self._places = places[sentence][order].astype(np.min_scalar_type(self.count))
        self._positions = at
        self._root_numbers: dict[str, int] = {}
        roots = [
            self._root_numbers.setdefault(inflection_root(one), len(self._root_numbers))
            for one in tokens.words
        ]
        root_type = np.min_scalar_type(len(self._root_numbers))
        self._roots = np.array(roots, root_type)[tokens.ids[kept][order]]
        lengths = np.bincount(self._places, minlength=self.count)
        relative = lengths / max(1.0, float(lengths.mean()) if self.count else 1.0)
        held = K1 * (1 - B + B * relative)
        self._length_norm: Scores = held.astype(np.float32)
        first = np.searchsorted(places, np.arange(self.count + 1))
        behind_title = first[:-1] + 1
        behind = np.minimum(behind_title + OPENING_SENTENCES, first[1:])
        self._title_ends = _last_positions(tokens, behind_title)
        self._opening_ends = _last_positions(tokens, behind)

    def word(self, one: str, typed: str = "") -> Occurrences:
        """Return the occurrences of a stem.

        Given the word as it was typed, its inflections count fully (*federates*), and other words
        with its stem ``DERIVED_WEIGHT`` (*federal*).
        """
        found = self._stem(one)
        if not typed or not len(found):
            return found
        number, root = self.stems[one], self._root_numbers.get(inflection_root(typed), -1)
        same = self._roots[self._starts[number] : self._starts[number + 1]] == root
        weights = found.weights * np.where(same, 1, DERIVED_WEIGHT)
        return replace(found, weights=weights)

    def _stem(self, one: str) -> Occurrences:
        number = self.stems.get(one)
        return NO_OCCURRENCES if number is None else self.stem_at(number)

    def stem_at(self, number: int) -> Occurrences:
        """Return the occurrences of a stem by its number."""
        part = slice(self._starts[number], self._starts[number + 1])
        at, places = self._positions[part], self._places[part]
        return Occurrences(at, at, places, self._weights(at, places))

    def _weights(self, positions: Positions, places: Places) -> Scores:
        in_title = positions <= self._title_ends[places]
        return np.where(in_title, np.float32(TITLE_WEIGHT), np.float32(1))

    def phrase(self, stems: Sequence[str], between: int = 2) -> Occurrences:
        """Return where stems follow each other with at most ``between`` words in each gap."""
        found = self.word(stems[0])
        for last, one in pairwise(stems):
            if one == last:
                continue
            following = self.word(one)
            found = found.before(following, between + 1)
            if not len(found):
                return NO_OCCURRENCES
            at = following.starts.searchsorted(found.ends, "right")
            found = replace(found, ends=following.starts[at])
        return found

    def counts(self) -> Matrix:
        """Return the weighted counts, texts x stems, in bytes."""
        columns = np.repeat(np.arange(len(self.stems)), np.diff(self._starts))
        weights = self._weights(self._positions, self._places)
        shape = (self.count, len(self.stems))
        counts = sparse.coo_matrix((weights, (self._places, columns)), shape).tocsr()
        counts.data = np.minimum(counts.data, MOST_COUNTED).astype(np.uint8)
        return counts

    def holding(self, found: Occurrences) -> NDArray[np.bool_]:
        """Return for each text whether it holds one of the occurrences."""
        held = np.zeros(self.count, bool)
        held[found.places] = True
        return held

    def chance_of_pairs(self, one: Occurrences, other: Occurrences) -> float:
        """Return how often two words would follow each other if words stood at random."""
        return len(one) * len(other) / max(1, len(self._positions))

    def text_count(self, one: str) -> int:
        """Return the number of texts that hold a stem."""
        places = self._stem(one).places
        return int(np.count_nonzero(np.diff(places))) + 1 if len(places) else 0

    def frequency(self, found: Occurrences) -> Scores:
        """Return the weighted number of the occurrences in each text."""
        return np.bincount(found.places, found.weights, self.count).astype(np.float32)

    def in_opening(self, found: Occurrences) -> Occurrences:
        """Return those in the title or in the first ``OPENING_SENTENCES`` of the abstract."""
        return found.only(found.ends <= self._opening_ends[found.places])

    def beside(self, found: Occurrences) -> dict[str, int]:
        """Return the stems next to occurrences of a word, each with its number of texts."""
        order = self._text_order
        beside = np.concatenate([found.starts - 1, found.ends + 1])
        ranks = np.searchsorted(self._positions, beside, sorter=order)
        numbers = order[np.minimum(ranks, len(order) - 1)]
        numbers = np.unique(numbers[self._positions[numbers] == beside])
        stems = np.searchsorted(self._starts, numbers, "right") - 1
        pairs = np.unique(stems * self.count + self._places[numbers])
        beside_stems, counts = np.unique(pairs // self.count, return_counts=True)
        names = [self._names[one] for one in beside_stems.tolist()]
        return dict(zip(names, counts.tolist(), strict=True))

    @cached_property
    def _text_order(self) -> NDArray[np.int32]:
        """The indexes of all occurrences in the order of the texts."""
        return np.argsort(self._positions).astype(np.int32)

    @cached_property
    def _names(self) -> list[str]:
        return list(self.stems)

    def saturated(self, found: Occurrences) -> Scores:
        """Return the term frequency part of BM25 for each text, between 0 and ``k1 + 1``.

        ``tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / mean length))`` (Robertson and
        Zaragoza, 2009), where a mention in the title counts ``TITLE_WEIGHT`` times.
        """
        if not len(found):
            return np.zeros(self.count, np.float32)
        counts = self.frequency(found)
        return np.asarray(counts * (K1 + 1) / (counts + self._length_norm), np.float32)

    def saturate(self, frequencies: NDArray[np.uint8], places: NDArray[np.int32]) -> Scores:
        """Return the same for weighted frequencies of words, each in the text at a place."""
        counts = frequencies.astype(np.float32)
        return np.asarray(counts * (K1 + 1) / (counts + self._length_norm[places]), np.float32)


def _last_positions(tokens: Tokens, sentences: NDArray[np.intp]) -> Positions:
    """Return for each of some sentences the last position before it."""
    starts = np.searchsorted(tokens.texts, sentences) + SENTENCE_GAP * sentences
    return np.asarray(starts - 1, np.int32)


def inflection_root(word: str) -> str:
    """Return a word without the ending of an inflection: *grasp* for *grasps*, *grasping*."""
    return INFLECTION.sub("", word)


def union(found: Sequence[Occurrences]) -> Occurrences:
    """Return the occurrences of any of several words or phrases."""
    some = [one for one in found if len(one)]
    if len(some) < 2:
        return some[0] if some else NO_OCCURRENCES
    joined = Occurrences(
        np.concatenate([one.starts for one in some]),
        np.concatenate([one.ends for one in some]),
        np.concatenate([one.places for one in some]),
        np.concatenate([one.weights for one in some]),
    )
    return joined.only(np.argsort(joined.starts, kind="stable"))
