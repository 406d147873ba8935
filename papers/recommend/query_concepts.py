"""Concepts of a search: each a word or phrase with all its written forms in the candidates.

Free of Django and of I/O.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from papers.recommend.abbreviations import Abbreviations, Stems
from papers.recommend.positions import Occurrences, PositionIndex, union
from papers.recommend.query_parsing import MOST_NEIGHBOUR_DISTANCE, Parsed, Word
from papers.recommend.tokenize import stem

Mask = NDArray[np.bool_]

CAPITALS_WEIGHT: Final = 1.5
"""Factor of the weight of a name in capitals."""
MOST_LONG_FORM_WORDS: Final = 6
"""Words of a search that may be the long form of one abbreviation."""
AMBIGUOUS_LETTERS: Final = 2
"""Letters of an abbreviation that has many meanings."""
LEAST_SPLIT: Final = 6
"""Letters of the shortest word that is also sought in two parts: reranking, re-ranking."""
CENTRAL_FREQUENCY: Final = 2.0
"""Weighted term frequency of what a paper is about: in the title, or twice in the abstract."""
LEAST_TOPICAL: Final = 0.5
"""Share of the papers with a topical concept that are about it; other words are mentioned."""
MOST_COLLOCATION: Final = 0.5
"""Share of the papers about a word in which it may stand beside one and the same other."""
MOST_FREQUENCY: Final = 0.2
"""Words in more than this share of the papers make no phrase with every word beside them."""
LEAST_CORE: Final = 3
"""Papers that make a concept known, or a subject."""


class Concept(NamedTuple):
    """One concept of a search.

    Attributes:
        position: Its position in the search; below zero for a phrase in quotes.
        weight: Its idf, times the factor of a name or a phrase.
        found: Where it occurs.
        holding: Which candidates hold it.
        central: Which candidates are about it: see ``CENTRAL_FREQUENCY``.
        stems: Its stems.
        is_name: Whether it is spelled like a name.
    """

    position: int
    weight: float
    found: Occurrences
    holding: Mask
    central: Mask
    stems: Stems
    is_name: bool

    @property
    def is_known_name(self) -> bool:
        """Whether it is a name that several candidates hold."""
        return self.is_name and int(self.holding.sum()) >= LEAST_CORE

    @property
    def is_topical(self) -> bool:
        """Whether papers that hold it are about it, as a rule: *quantum*, unlike *traffic*."""
        enough = 1 if self.is_name else LEAST_CORE
        return int(self.central.sum()) >= max(enough, LEAST_TOPICAL * int(self.holding.sum()))


class ConceptFinder:
    """Finds the concepts of searches in the candidates."""

    def __init__(self, positions: PositionIndex, abbreviations: Abbreviations) -> None:
        self.positions = positions
        self.abbreviations = abbreviations

    def concepts(self, parsed: Parsed) -> Iterator[Concept]:
        """Yield the words of a search, each with its other forms, and the phrases in quotes."""
        positions = self.positions
        alternatives = [[self._occurrences(word)] for word in parsed.words]
        for word, found in zip(parsed.words, alternatives, strict=True):
            found.extend(positions.phrase(long) for long in self.long_forms(word))
            found.extend(self._split(word.typed.lower()))
        for start, end, short in self.short_forms(parsed):
            for found in alternatives[start:end]:
                found.append(self._short_form(short, [w.stem for w in parsed.words[start:end]]))
        for at, (one, other) in enumerate(pairwise(parsed.words)):
            joined = positions.word(stem((one.typed + other.typed).lower()))
            if other.position == one.position + 1:
                alternatives[at].append(joined)
                alternatives[at + 1].append(joined)
        for word, found in zip(parsed.words, alternatives, strict=True):
            factor = CAPITALS_WEIGHT if word.is_name else 1.0
            yield self._concept(
                word.position, factor, union(found), (word.stem,), is_name=word.is_name
            )
        for number, phrase in enumerate(parsed.phrases, start=1):
            position = -number * (MOST_NEIGHBOUR_DISTANCE + 1)
            yield self._concept(position, len(phrase), positions.phrase(phrase, 1), phrase)

    def long_forms(self, word: Word) -> Sequence[Stems]:
        """Return the long forms of a word that is spelled like a name or is otherwise unknown."""
        if word.is_name or word.stem not in self.positions.stems:
            return self.abbreviations.long_forms.get(word.stem, ())
        return ()

    def short_forms(self, parsed: Parsed) -> Iterator[tuple[int, int, str]]:
        """Yield start, end and short form of every long form in the search."""
        known = self.abbreviations.short_forms
        stems = [word.stem for word in parsed.words]
        for start, end in combinations(range(len(stems) + 1), 2):
            if 1 < end - start <= MOST_LONG_FORM_WORDS:
                for short in known.get(tuple(stems[start:end]), ()):
                    yield start, end, short

    def _short_form(self, short: str, long: Sequence[str]) -> Occurrences:
        """Return where an abbreviation stands for a long form.

        One of ``AMBIGUOUS_LETTERS`` does only in papers that hold a word of the long form: in one
        on multi-turn dialogues, MT is no machine translation.
        """
        if len(short) > AMBIGUOUS_LETTERS:
            return self.positions.word(short)
        held = np.zeros(self.positions.count, bool)
        for one in long:
            held |= self.positions.holding(self.positions.word(one))
        found = self.positions.word(short)
        return found.only(held[found.places])

    def forms(self, stems: Stems) -> list[Stems]:
        """Return a word or phrase with its long forms and short forms."""
        long = self.abbreviations.long_forms.get(stems[0], ()) if len(stems) == 1 else ()
        return [stems, *long, *((s,) for s in self.abbreviations.short_forms.get(stems, ()))]

    def is_collocated(self, concept: Concept, others: Stems) -> bool:
        """Return whether a word belongs to another phrase: *sign*, where papers say *sign bit*.

        It does if the same word, no frequent one and none of ``others``, is next to it in more
        than ``MOST_COLLOCATION`` of the papers that are about it.
        """
        if concept.is_name:
            return False
        found = concept.found.only(concept.central[concept.found.places])
        most = MOST_COLLOCATION * int(concept.central.sum())
        frequent = MOST_FREQUENCY * self.positions.count
        return any(
            one not in others and self.positions.text_count(one) <= frequent
            for one, count in self.positions.beside(found).items()
            if count >= LEAST_CORE and count > most
        )

    def _occurrences(self, word: Word) -> Occurrences:
        first, *others = word.stem.split()
        if others:
            return self.positions.phrase((first, *others), 0)
        return self.positions.word(first, word.typed.lower())

    def _split(self, word: str) -> list[Occurrences]:
        """Return where a long word occurs in two parts: ``re-ranking`` for ``reranking``."""
        if len(word) < LEAST_SPLIT:
            return []
        known = self.positions.stems
        halves = [(stem(word[:at]), stem(word[at:])) for at in range(2, len(word) - 2)]
        return [
            self.positions.phrase(half, 0) for half in halves if all(one in known for one in half)
        ]

    def _concept(
        self,
        position: int,
        factor: float,
        found: Occurrences,
        stems: Stems,
        *,
        is_name: bool = False,
    ) -> Concept:
        holding = self.positions.holding(found)
        central = self.positions.frequency(found) >= CENTRAL_FREQUENCY
        # log((n + 1) / (df + 0.5)) of what df of n candidates hold.
        idf = float(np.log((self.positions.count + 1) / (int(holding.sum()) + 0.5)))
        return Concept(position, factor * idf, found, holding, central, stems, is_name)
