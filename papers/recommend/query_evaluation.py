"""Evaluation of one search: the evidence of every candidate, and which candidates it finds.

``papers/recommend/queries.py`` has the formula. Free of Django and of I/O.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import combinations, pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from papers.recommend.positions import K1, TITLE_WEIGHT, Occurrences, Scores
from papers.recommend.query_concepts import (
    CENTRAL_FREQUENCY,
    LEAST_CORE,
    Concept,
    ConceptFinder,
    Mask,
)
from papers.recommend.query_parsing import MOST_NEIGHBOUR_DISTANCE, parse, stems_of

PHRASE_WEIGHT: Final = 3.0
"""Weight of neighbouring concepts that follow each other, beside the concepts,"""
PROXIMITY_WEIGHT: Final = 0.3
"""and of those that are near each other in any order."""
PROXIMITY_WINDOW: Final = 8
"""Positions between two concepts that are near each other."""
ADJACENT_WINDOW: Final = 3
"""The same for two that are adjacent in the search and so name one thing: *code review*."""
SUBJECT_FREQUENCY: Final = 3.0
"""Weighted frequency from which on a subject outside title and opening is more than mentioned."""
COVERAGE_POWER: Final = 5

LEAST_MEANT: Final = 0.5
"""Share of the weight that a paper must be about, or hold near each other, to be found."""
FULL_COVERAGE: Final = 0.95
"""Share of the weight that is enough wherever in the paper the concepts stand."""
MANY_PAPERS: Final = 25
"""Papers on a subject from which on those that only mention it are left out."""
LEAST_STRESSED: Final = 0.65
"""Share of the weight that a paper of a digest must hold more than in passing."""
LEAST_TITLED: Final = 0.4
"""The same of two neighbours in a title that tell the subject: *language models* do not."""
ENOUGH_CONCEPTS: Final = 2.2
"""Concepts, of mean weight, that are enough in a search of many."""
LEAST_ATTESTED: Final = 0.65
"""Weight of the concepts that the candidates use together, for the subject to be known."""
LEAST_LIFT: Final = 2.0
"""Two concepts make a subject if they occur together this many times as often as by chance."""


class QueryEvaluation:
    """One parsed search evaluated for every candidate: its evidence, and whether it matches."""

    def __init__(self, finder: ConceptFinder, text: str) -> None:
        self.finder = finder
        self.positions = finder.positions
        self.parsed = parse(text)
        self.concepts = [c for c in finder.concepts(self.parsed) if c.stems]
        self.weights = np.array([c.weight for c in self.concepts], np.float32)
        self.total = float(self.weights.sum()) or 1.0
        self.shares = np.asarray(self.weights / self.total, np.float32)

    @property
    def known(self) -> bool:
        """Whether any candidate holds one of the words."""
        return any(len(concept.found) for concept in self.concepts)

    @cached_property
    def coverage(self) -> Scores:
        """For each candidate, the share of the weight of the concepts that it holds."""
        return self._share(self.shares, [concept.holding for concept in self.concepts])

    @cached_property
    def _meant(self) -> Scores:
        """The same of the concepts that it is about, or that have another one near them.

        *Computing* anywhere in a paper on quantum states does not make it quantum computing.
        """
        return self._share(self.shares, self._meant_concepts)

    @cached_property
    def _meant_concepts(self) -> list[Mask]:
        both = zip(self.concepts, self._linked, strict=True)
        return [concept.central | linked for concept, linked in both]

    @cached_property
    def _least_part(self) -> Scores:
        """For each candidate, the coverage of the part of the search that it covers least.

        A small word ends a part: *gaussian splatting* for *driving scenes* asks for both.
        """
        steps = [0] + [two.position - one.position > 1 for one, two in pairwise(self.concepts)]
        parts = np.cumsum(steps)
        least: Scores = np.ones(self.positions.count, np.float32)
        for part in range(parts[-1] + 1):
            own = np.where(parts == part, self.weights, 0)
            shares = np.asarray(own / own.sum(), np.float32)
            held = self._share(shares, [concept.holding for concept in self.concepts])
            np.minimum(least, (held + self._share(shares, self._meant_concepts)) / 2, out=least)
        return least

    @cached_property
    def evidence(self) -> Scores:
        """For each candidate, its evidence without feedback."""
        positions = self.positions
        total = np.zeros(positions.count, np.float32)
        for concept in self.concepts:
            total += concept.weight * positions.saturated(concept.found)
        for one, other, distance in self._neighbours():
            both = one.found.before(other.found, distance)
            weight = (one.weight + other.weight) / 2 / distance
            total += weight * PHRASE_WEIGHT * positions.saturated(both)
            near = one.found.near(other.found, PROXIMITY_WINDOW)
            total += weight * PROXIMITY_WEIGHT * positions.saturated(near)
        return np.asarray(total * self._mixed_coverage() ** COVERAGE_POWER, np.float32)

    def _mixed_coverage(self) -> Scores:
        """Return the coverage that multiplies the evidence: see ``queries``."""
        if len(self.concepts) < 2:
            return self.coverage
        whole = (self.coverage + self._meant) / 2
        return np.asarray((whole + self._least_part) / 2, np.float32)

    @property
    def most_evidence(self) -> float:
        """The upper bound of the evidence, with every term frequency saturated."""
        pairs = sum(
            (one.weight + other.weight) / 2 / distance
            for one, other, distance in self._neighbours()
        )
        return (K1 + 1) * (self.total + (PHRASE_WEIGHT + PROXIMITY_WEIGHT) * pairs)

    @cached_property
    def matching(self) -> Mask:
        """Which candidates the search finds.

        One concept: the papers about it; fewer than ``LEAST_CORE`` are followed by those that
        begin with it. Several: none, unless ``LEAST_ATTESTED`` of the weight is attested, or in
        one dominant concept. Then a paper must be about concepts with ``LEAST_MEANT`` of the
        weight or hold them near each other in a sentence; where the subject is attested, it may
        also hold all of them anywhere.
        """
        allowed = self._allowed()
        if self.parsed.phrases:
            return np.asarray(allowed & (self.coverage >= LEAST_MEANT), np.bool_)
        if len(self.concepts) < 2:
            return np.asarray(allowed & self._about_one(), np.bool_)
        return np.asarray(allowed & self._about_several(), np.bool_)

    def _about_one(self) -> Mask:
        """Return which candidates are about the only concept."""
        if not self.concepts:
            return np.zeros(self.positions.count, bool)
        [concept] = self.concepts
        if int(concept.central.sum()) >= LEAST_CORE:
            return concept.central
        opening = self.positions.holding(self.positions.in_opening(concept.found))
        return np.asarray(concept.central | opening, np.bool_)

    def _about_several(self) -> Mask:
        """Return which candidates are about the subject of several concepts."""
        least = min(LEAST_MEANT, ENOUGH_CONCEPTS / len(self.concepts))
        if self._attested >= LEAST_ATTESTED:
            return np.asarray((self._meant >= least) | (self.coverage >= FULL_COVERAGE), np.bool_)
        if self._dominant is not None:
            return np.asarray(self._meant >= least, np.bool_)
        return np.zeros(self.positions.count, bool)

    @cached_property
    def _dominant(self) -> Concept | None:
        """The topical concept with ``LEAST_ATTESTED`` of the weight, or None."""
        heaviest = max(self.concepts, key=lambda concept: concept.weight)
        if heaviest.weight < LEAST_ATTESTED * self.total or not heaviest.is_topical:
            return None
        others = tuple(one for concept in self.concepts for one in concept.stems)
        return None if self.finder.is_collocated(heaviest, others) else heaviest

    @cached_property
    def clear(self) -> Mask:
        """Which of the matching candidates do more than mention the subject.

        They are about concepts of ``LEAST_MEANT`` of the weight, or have them near each other
        twice, in the title or in the opening of the abstract. Where the subject is attested, they
        also hold ``LEAST_STRESSED`` of it more than in passing, or neighbours in the title.
        """
        if len(self.concepts) < 2 or self.parsed.phrases:
            return self.matching
        least = min(LEAST_MEANT, ENOUGH_CONCEPTS / len(self.concepts))
        found = self.matching & (self._about(self._linked_often) >= least)
        if self._attested >= LEAST_ATTESTED:
            found &= (self._stressed >= LEAST_STRESSED) | self.titled
        return np.asarray(found, np.bool_)

    @cached_property
    def titled(self) -> Mask:
        """Which candidates have neighbouring concepts one after the other in their title.

        Such neighbours have ``LEAST_TITLED`` of the weight.
        """
        found = np.zeros(self.positions.count, bool)
        for one, other, distance in self._neighbours():
            if one.weight + other.weight < LEAST_TITLED * self.total:
                continue
            both = one.found.before(other.found, distance)
            found |= self.positions.holding(both.only(both.weights >= TITLE_WEIGHT))
        return found

    def _about(self, linked: list[Mask]) -> Scores:
        """Return the share of the weight that each candidate is about, or has linked."""
        both = zip(self.concepts, linked, strict=True)
        return self._share(self.shares, [concept.central | near for concept, near in both])

    @property
    def _linked(self) -> list[Mask]:
        """For each concept, which candidates have another one near it.

        Where ``MANY_PAPERS`` have concepts near each other twice, or in the title or the opening
        of the abstract, once elsewhere is a mention that does not count.
        """
        enough = self._share(self.shares, self._linked_often) >= LEAST_MEANT
        return self._linked_often if enough.sum() >= MANY_PAPERS else self._links[0]

    @property
    def _linked_often(self) -> list[Mask]:
        return self._links[1]

    @cached_property
    def _links(self) -> tuple[list[Mask], list[Mask]]:
        """For each concept, who has another one near it; the same of twice or in the opening."""
        once = [np.zeros(self.positions.count, bool) for _ in self.concepts]
        often = [np.zeros(self.positions.count, bool) for _ in self.concepts]
        for (at, one), (then, other) in combinations(enumerate(self.concepts), 2):
            if 0 < other.position - one.position < MOST_NEIGHBOUR_DISTANCE:
                near = one.found.near(other.found, PROXIMITY_WINDOW)
                held = self.positions.holding(near)
                opening = self.positions.holding(self.positions.in_opening(near))
                repeated = opening | (self.positions.frequency(near) >= CENTRAL_FREQUENCY)
                for number in (at, then):
                    once[number] |= held
                    often[number] |= repeated
        return once, often

    @cached_property
    def _attested(self) -> float:
        """The share of the weight of the concepts that the candidates use together.

        Those follow each other as in the search or co-occur more often than by chance, or are
        known names.
        """
        attested = np.array([concept.is_known_name for concept in self.concepts])
        for (at, one), (then, other) in combinations(enumerate(self.concepts), 2):
            distance = other.position - one.position
            if 0 < distance < MOST_NEIGHBOUR_DISTANCE and (
                (then == at + 1 and self._follows(one, other, distance))
                or self._associated(one, other)
            ):
                attested[[at, then]] = True
        return float(self.shares[attested].sum())

    def _follows(self, one: Concept, other: Concept, distance: int) -> bool:
        """Return whether one concept follows another more often than by chance."""
        found = len(one.found.before(other.found, distance))
        chance = self.positions.chance_of_pairs(one.found, other.found) * distance
        return found > 0 and found >= LEAST_LIFT * chance

    def _associated(self, one: Concept, other: Concept) -> bool:
        """Return whether two concepts co-occur in more papers than by chance."""
        both = int((one.holding & other.holding).sum())
        expected = one.holding.sum() * other.holding.sum() / self.positions.count
        return both > 1 and both >= LEAST_LIFT * expected

    def _share(self, shares: Scores, held: list[Mask]) -> Scores:
        """Return for each candidate the sum of the shares of the concepts that it holds."""
        total = np.zeros(self.positions.count, np.float32)
        for share, mask in zip(shares, held, strict=True):
            total += share * mask
        return total

    def _neighbours(self) -> Iterator[tuple[Concept, Concept, int]]:
        """Yield the concepts that are adjacent in the search, with their distance there."""
        for one, other in pairwise(self.concepts):
            if 0 < (distance := other.position - one.position) < MOST_NEIGHBOUR_DISTANCE:
                yield one, other, distance

    def _allowed(self) -> Mask:
        """Return which candidates hold every phrase in quotes and nothing that is excluded."""
        allowed = np.ones(self.positions.count, bool)
        for text in self.parsed.excluded:
            if found := stems_of(text):
                for form in self.finder.forms(found):
                    allowed[self.positions.phrase(form).places] = False
        for concept in self.concepts:
            if concept.position < 0:
                allowed &= concept.holding
        return allowed

    @cached_property
    def standing(self) -> tuple[Mask, Mask]:
        """Who holds the search as it was meant, and who does so more than in passing.

        Concepts that are neighbours in the search must stand near each other: words of *code
        review* that are apart are two other subjects. More than in passing is ``SUBJECT_FREQUENCY``
        times; or in the title, or in the opening of the abstract and once more.
        """
        together = np.ones(self.positions.count, bool)
        subject = np.ones(self.positions.count, bool)
        for _, found, stressed in self._units:
            together &= self.positions.holding(found)
            titled = found.only(found.weights >= TITLE_WEIGHT)
            repeated = np.bincount(found.places, minlength=self.positions.count) > 1
            subject &= stressed & (repeated | self.positions.holding(titled))
        return together, together & subject

    @cached_property
    def _stressed(self) -> Scores:
        """For each candidate, the share of the weight of what it holds more than in passing."""
        held = [np.zeros(self.positions.count, bool) for _ in self.concepts]
        for numbers, _, stressed in self._units:
            for number in numbers:
                held[number] |= stressed
        return self._share(self.shares, held)

    @cached_property
    def _units(self) -> list[tuple[tuple[int, ...], Occurrences, Mask]]:
        """What must stand together: neighbours near each other, and concepts without one.

        Each with the numbers of its concepts, its occurrences, and which candidates hold it more
        than in passing.
        """
        number = {concept.position: at for at, concept in enumerate(self.concepts)}
        found: list[tuple[tuple[int, ...], Occurrences]] = []
        for one, other, distance in self._neighbours():
            window = ADJACENT_WINDOW if distance == 1 else PROXIMITY_WINDOW
            numbers = (number[one.position], number[other.position])
            found.append((numbers, one.found.near(other.found, window)))
        paired = {at for numbers, _ in found for at in numbers}
        found += [((at,), self.concepts[at].found) for at in number.values() if at not in paired]
        return [
            (numbers, occurrences, self._stresses(occurrences)) for numbers, occurrences in found
        ]

    def _stresses(self, found: Occurrences) -> Mask:
        """Return which candidates hold something in title or opening, or often."""
        often = self.positions.frequency(found) >= SUBJECT_FREQUENCY
        return np.asarray(
            often | self.positions.holding(self.positions.in_opening(found)), np.bool_
        )

    def held(self, places: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Return for some candidates which concepts each holds in any form, words first."""
        masks = [concept.holding[places] for concept in self.concepts]
        return np.stack(masks, axis=1) if masks else np.zeros((len(places), 0), np.bool_)
