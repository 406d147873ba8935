"""Searches in strip_accents words against the candidates: BM25 with phrases, coverage and feedback.

A search is a list of concepts: a word, an abbreviation with the long form that the papers
themselves give it, or a phrase in quotes. For a paper d and a search q with concepts c of weight
w(c) = idf(c), names in capitals ``CAPITALS_WEIGHT`` times that,

    evidence(d) = (sum over c of w(c) * tf(c, d)
                   + sum over neighbouring c, c' of mean(w(c), w(c')) / distance(c, c')
                     * (PHRASE_WEIGHT * tf(c c', d) + PROXIMITY_WEIGHT * tf(c .. c', d)))
                  * coverage(d) ** COVERAGE_POWER

where tf is BM25's saturated term frequency, ``c c'`` the two in the order and within the distance
of the search, ``c .. c'`` both within ``PROXIMITY_WINDOW`` positions of one sentence (sequential
dependence model: Metzler and Croft, SIGIR 2005), and coverage(d) the share of the weights whose
concept d holds. Pseudo-relevance feedback (RM3: Lavrenko and Croft, SIGIR 2001; Abdul-Jaleel et
al., TREC 2004) adds, with ``FEEDBACK_WEIGHT``, the terms that the best ``FEEDBACK_TEXTS`` share.

A paper with a few of the words need not be about the subject: ``QueryEvaluation.matching``
decides which papers are found at all. Free of Django and of I/O.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from papers.recommend.abbreviations import Abbreviations, Stems
from papers.recommend.positions import K1, Occurrences, PositionIndex, Scores, union
from papers.recommend.tokenize import stem, strip_accents, words

Mask = NDArray[np.bool_]

CACHED_SEARCHES: Final = 1000
"""Searches whose results are cached, with 12 bytes for each paper found."""
CAPITALS_WEIGHT: Final = 1.5
"""Factor of the weight of a name in capitals."""
PHRASE_WEIGHT: Final = 2.0
"""Weight of neighbouring concepts that follow each other, beside the concepts,"""
PROXIMITY_WEIGHT: Final = 0.3
"""and of those that are near each other in any order."""
PROXIMITY_WINDOW: Final = 8
"""Positions between two concepts that are near each other."""
COVERAGE_POWER: Final = 4
FEEDBACK_WEIGHT: Final = 0.15
"""Share of the expanded query in the score."""
FEEDBACK_TEXTS: Final = 10
"""The best papers that feedback takes to be relevant."""
FEEDBACK_TERMS: Final = 20
"""Terms of the expanded query."""
MOST_NEIGHBOUR_DISTANCE: Final = 15
"""Positions in the search from which on two of its words are no neighbours."""
MOST_LONG_FORM_WORDS: Final = 6
"""Words of a search that may be the long form of one abbreviation."""

LEAST_COVERAGE: Final = 0.5
"""Coverage of a paper that is found; shares of the weight, as those that follow."""
FULL_COVERAGE: Final = 0.95
"""Coverage from which a paper is found without its concepts being near each other."""
ENOUGH_CONCEPTS: Final = 2.2
"""Concepts, of mean weight, that are enough in a search of many."""
LEAST_LINKED: Final = 0.5
"""Weight of the concepts of a paper that are near others of the search."""
LEAST_ATTESTED: Final = 0.65
"""Weight of the concepts that the candidates use together, for the subject to be known."""
LEAST_LIFT: Final = 2.0
"""Two concepts are associated if they co-occur this many times as often as by chance."""
LEAST_CORE: Final = 3
"""Papers with linked concepts from which on coverage alone is enough for others."""

EXCLUDED: Final = re.compile(
    r"(?:(?<=\s)|^)(?:-(?=[\w\"“])|(?:not|without|except|excluding)\s+(?:the\s+|any\s+)?)"
    r"(\"[^\"]+\"|“[^”]+”|[\w-]+)",
    re.IGNORECASE,
)
QUOTED: Final = re.compile(r"\"([^\"]+)\"|“([^”]+)”")
TOKEN: Final = re.compile(r"[A-Za-z0-9]+(?:'[a-z]+)?|[,;|]")
LEAST_SPLIT: Final = 6
"""Letters of the shortest word that is also sought in two parts: reranking, re-ranking."""


class Word(NamedTuple):
    """One word of a search: as typed, its stem, and its position."""

    typed: str
    stem: str
    position: int

    @property
    def is_name(self) -> bool:
        """Whether it is spelled like an abbreviation or a name: LLM, ImageNet, 3D."""
        capitals = sum(letter.isupper() for letter in self.typed)
        return capitals > 1 or (capitals > 0 and any(c.isdigit() for c in self.typed))


@dataclass(frozen=True, slots=True)
class Parsed:
    """A parsed search: words, phrases in quotes, and excluded words or phrases."""

    words: tuple[Word, ...]
    phrases: tuple[Stems, ...]
    excluded: tuple[str, ...]


def parse(text: str) -> Parsed:
    """Parse a search; ``-word``, ``not word`` and ``without word`` exclude."""
    text = strip_accents(text)
    excluded = tuple(found.group(1).strip('"“”') for found in EXCLUDED.finditer(text))
    text = EXCLUDED.sub(" | ", text)
    phrases = tuple(stems_of(one or other) for one, other in QUOTED.findall(text))
    found, position = [], 0
    for part in TOKEN.findall(QUOTED.sub(" | ", text)):
        position += 1
        if part in ",;|":
            position += MOST_NEIGHBOUR_DISTANCE
        elif one := stem(part.lower()):
            found.append(Word(part, one, position))
    return Parsed(tuple(found), tuple(filter(None, phrases)), excluded)


def stems_of(text: str) -> Stems:
    """Return the stems of a text without its stop words."""
    return tuple(filter(None, map(stem, words(text))))


class Concept(NamedTuple):
    """One concept of a search, with all its written forms in the candidates.

    Attributes:
        position: Its position in the search; below zero for a phrase in quotes.
        weight: Its idf, times the factor of a name or a phrase.
        found: Where it occurs.
        holding: Which candidates hold it.
        stems: Its stems.
        is_name: Whether it is a name in capitals that several candidates hold.
    """

    position: int
    weight: float
    found: Occurrences
    holding: Mask
    stems: Stems
    is_name: bool


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The papers that a search finds.

    Attributes:
        places: The matching candidates, ascending.
        scores: For each, its relevance, above 0 and at most 1: evidence / the most possible.
        known: Whether any candidate holds one of the words.
        expanded_text: The search with long and short forms, for reasons.
    """

    places: NDArray[np.int32]
    scores: Scores
    known: bool
    expanded_text: str


class QueryEvaluation:
    """One parsed search evaluated for every candidate: its evidence, and whether it matches."""

    def __init__(self, index: QueryIndex, text: str) -> None:
        self.index = index
        self.parsed = parse(text)
        self.concepts = [c for c in self._concepts() if c.stems]
        self.weights = np.array([c.weight for c in self.concepts], np.float32)
        self.total = float(self.weights.sum()) or 1.0
        shares = self.weights / self.total
        self.coverage = self._share(shares, [c.holding for c in self.concepts])

    @property
    def known(self) -> bool:
        """Whether any candidate holds one of the words."""
        return any(len(concept.found) for concept in self.concepts)

    def _share(self, shares: Scores, held: Sequence[Mask]) -> Scores:
        """Return for each candidate the sum of the shares of the concepts it holds."""
        total = np.zeros(self.index.positions.count, np.float32)
        for share, mask in zip(shares, held, strict=True):
            total += share * mask
        return total

    def _concepts(self) -> Iterable[Concept]:
        parsed, positions = self.parsed, self.index.positions
        alternatives = [[positions.word(word.stem)] for word in parsed.words]
        for word, found in zip(parsed.words, alternatives, strict=True):
            found.extend(positions.phrase(long) for long in self.index.long_forms(word))
            found.extend(self.index.split(word.typed.lower()))
        for start, end, short in self._short_forms():
            for found in alternatives[start:end]:
                found.append(positions.word(short))
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

    def _short_forms(self) -> Iterable[tuple[int, int, str]]:
        """Yield start, end and short form of every long form in the search."""
        known = self.index.abbreviations.short_forms
        stems = [word.stem for word in self.parsed.words]
        for start, end in combinations(range(len(stems) + 1), 2):
            if 1 < end - start <= MOST_LONG_FORM_WORDS:
                for short in known.get(tuple(stems[start:end]), ()):
                    yield start, end, short

    def _concept(
        self,
        position: int,
        factor: float,
        found: Occurrences,
        stems: Stems,
        *,
        is_name: bool = False,
    ) -> Concept:
        holding = self.index.positions.holding(found)
        weight = factor * self.index.idf(holding)
        known_name = is_name and int(holding.sum()) >= LEAST_CORE
        return Concept(position, weight, found, holding, stems, known_name)

    @cached_property
    def evidence(self) -> Scores:
        """For each candidate, its evidence without feedback: see the module."""
        positions = self.index.positions
        total = np.zeros(positions.count, np.float32)
        for concept in self.concepts:
            total += concept.weight * positions.saturated(concept.found)
        for one, other, distance in self._neighbours():
            both = one.found.before(other.found, distance)
            weight = (one.weight + other.weight) / 2 / distance
            total += weight * PHRASE_WEIGHT * positions.saturated(both)
            near = one.found.near(other.found, PROXIMITY_WINDOW)
            total += weight * PROXIMITY_WEIGHT * positions.saturated(near)
        return np.asarray(total * self.coverage**COVERAGE_POWER, np.float32)

    @property
    def most_evidence(self) -> float:
        """The upper bound of the evidence, with every term frequency saturated."""
        pairs = sum(
            (one.weight + other.weight) / 2 / distance
            for one, other, distance in self._neighbours()
        )
        return (K1 + 1) * (self.total + (PHRASE_WEIGHT + PROXIMITY_WEIGHT) * pairs)

    def _neighbours(self) -> Iterable[tuple[Concept, Concept, int]]:
        """Yield the concepts that are adjacent in the search, with their distance there."""
        for one, other in pairwise(self.concepts):
            if 0 < (distance := other.position - one.position) < MOST_NEIGHBOUR_DISTANCE:
                yield one, other, distance

    @cached_property
    def matching(self) -> Mask:
        """Which candidates the search finds.

        None, unless concepts with ``LEAST_ATTESTED`` of the weight are attested: adjacent in some
        candidate as in the search, or associated (``LEAST_LIFT``), or names in capitals. Then a
        paper must cover ``LEAST_COVERAGE`` of the weight, and have ``LEAST_LINKED`` of it near
        each other in a sentence or all of it anywhere; where ``LEAST_CORE`` papers do, coverage
        is enough.
        """
        allowed = self._allowed()
        count = len(self.concepts)
        if count < 2 or self.parsed.phrases:
            return np.asarray(allowed & (self.coverage >= LEAST_COVERAGE), np.bool_)
        attested, linked = self._linked()
        if attested < LEAST_ATTESTED:
            return np.zeros(self.index.positions.count, bool)
        covered = self.coverage >= min(LEAST_COVERAGE, ENOUGH_CONCEPTS / count)
        core = covered & (linked >= LEAST_LINKED) | (self.coverage >= FULL_COVERAGE)
        return np.asarray(allowed & (covered if core.sum() >= LEAST_CORE else core), np.bool_)

    def _linked(self) -> tuple[float, Scores]:
        """Return the attested share of the weight, and for each candidate the linked share."""
        count = len(self.concepts)
        linked = [np.zeros(self.index.positions.count, bool) for _ in range(count)]
        attested = np.array([concept.is_name for concept in self.concepts])
        for (at, one), (then, other) in combinations(enumerate(self.concepts), 2):
            distance = other.position - one.position
            if not 0 < distance < MOST_NEIGHBOUR_DISTANCE:
                continue
            near = self.index.positions.holding(one.found.near(other.found, PROXIMITY_WINDOW))
            linked[at] |= near
            linked[then] |= near
            side_by_side = then == at + 1 and len(one.found.before(other.found, distance)) > 0
            if side_by_side or self._associated(one, other):
                attested[[at, then]] = True
        shares = self.weights / self.total
        return float(shares[attested].sum()), self._share(shares, linked)

    def _associated(self, one: Concept, other: Concept) -> bool:
        """Return whether two concepts co-occur in more papers than by chance."""
        both = int((one.holding & other.holding).sum())
        expected = one.holding.sum() * other.holding.sum() / self.index.positions.count
        return both > 1 and both >= LEAST_LIFT * expected

    def _allowed(self) -> Mask:
        """Return which candidates hold every phrase in quotes and nothing that is excluded."""
        positions = self.index.positions
        allowed = np.ones(positions.count, bool)
        for text in self.parsed.excluded:
            if found := stems_of(text):
                long = self.index.abbreviations.long_forms.get(found[0], ())
                forms = [found, *(long if len(found) == 1 else ())]
                forms += [(s,) for s in self.index.abbreviations.short_forms.get(found, ())]
                for form in forms:
                    allowed[positions.phrase(form).places] = False
        for concept in self.concepts:
            if concept.position < 0:
                allowed &= concept.holding
        return allowed

    def expanded_text(self) -> str:
        """Return the words of the search and the other forms of its abbreviations."""
        typed = [word.typed for word in self.parsed.words]
        typed += [" ".join(phrase) for phrase in self.parsed.phrases]
        for word in self.parsed.words:
            typed += [" ".join(long) for long in self.index.long_forms(word)]
        typed += [short for _, _, short in self._short_forms()]
        return " | ".join(
            [" ".join(typed[: len(self.parsed.words)]), *typed[len(self.parsed.words) :]]
        )


class QueryIndex:
    """Inverted index of the candidates for searches, with a cache of recent results."""

    def __init__(self, titles: Sequence[str], abstracts: Sequence[str]) -> None:
        self.positions = PositionIndex(titles, abstracts)
        self.abbreviations = Abbreviations(
            f"{title}. {abstract}" for title, abstract in zip(titles, abstracts, strict=True)
        )
        self._counts, self._saturated = self.positions.counts()
        self._lengths = np.maximum(1, np.asarray(self._counts.sum(axis=1), np.float32).ravel())
        frequency = np.diff(self._saturated.indptr)
        self._idf = np.log((len(titles) + 1) / (frequency + 0.5)).astype(np.float32)
        self._cache: OrderedDict[str, SearchResult] = OrderedDict()

    def idf(self, holding: Mask) -> float:
        """Return log((n + 1) / (df + 0.5)) of what df of n candidates hold."""
        return float(np.log((self.positions.count + 1) / (int(holding.sum()) + 0.5)))

    def long_forms(self, word: Word) -> Sequence[Stems]:
        """Return the long forms of a word that is spelled like a name or is otherwise unknown."""
        if word.is_name or word.stem not in self.positions.stems:
            return self.abbreviations.long_forms.get(word.stem, ())
        return ()

    def split(self, word: str) -> list[Occurrences]:
        """Return where a long word occurs in two parts: ``re-ranking`` for ``reranking``."""
        if len(word) < LEAST_SPLIT:
            return []
        known = self.positions.stems
        halves = [(stem(word[:at]), stem(word[at:])) for at in range(2, len(word) - 2)]
        return [
            self.positions.phrase(half, 0) for half in halves if all(one in known for one in half)
        ]

    def search(self, text: str) -> SearchResult:
        """Return the papers that a search finds, from the cache where it has them."""
        if text not in self._cache:
            self._cache[text] = self._evaluate(text)
            while len(self._cache) > CACHED_SEARCHES:
                self._cache.popitem(last=False)
        self._cache.move_to_end(text)
        return self._cache[text]

    def _evaluate(self, text: str) -> SearchResult:
        query = QueryEvaluation(self, text)
        if not query.known:
            return SearchResult(np.empty(0, np.int32), np.empty(0, np.float32), False, text)
        places = np.flatnonzero(query.matching).astype(np.int32)
        scores = self._with_feedback(query.evidence, places) / query.most_evidence
        return SearchResult(places, np.clip(scores, 1e-6, 1), True, query.expanded_text())

    def _with_feedback(self, evidence: Scores, places: NDArray[np.int32]) -> Scores:
        """Return the evidence of some candidates, mixed with their score for the expanded query.

        A term weighs its mean frequency in the best texts, each in proportion to its evidence,
        times its idf.
        """
        found = evidence[places]
        if len(places) < 2:
            return found
        best = places[np.argsort(-found, kind="stable")[:FEEDBACK_TEXTS]]
        weights = evidence[best] / self._lengths[best]
        shared = np.asarray(weights @ self._counts[best], np.float32) * self._idf
        terms = np.argsort(-shared, kind="stable")[:FEEDBACK_TERMS]
        expanded = (self._saturated[:, terms] @ (shared[terms] * self._idf[terms]))[places]
        expanded *= found.max() / max(float(expanded.max()), 1e-9)
        return np.asarray((1 - FEEDBACK_WEIGHT) * found + FEEDBACK_WEIGHT * expanded, np.float32)
