"""Searches in plain words against the candidates: BM25 with phrases, coverage and feedback.

A search is a list of concepts: a word, an abbreviation with the long form that the papers
themselves give it, or a phrase in quotes. For a paper d and a search q with concepts c of weight
w(c) = idf(c), names in capitals ``CAPITALS_WEIGHT`` times that,

    evidence(d) = (sum over c of w(c) * tf(c, d) + sum over neighbouring c, c' of
                   mean(w(c), w(c')) * (PHRASE * tf(c c', d) + NEARBY * tf(c .. c', d)))
                  * coverage(d) ** COVERAGE_POWER

where tf is BM25's saturated term frequency, ``c c'`` the two as they follow each other in the
search, ``c .. c'`` both within ``WINDOW`` words of one sentence (sequential dependence model:
Metzler and Croft, SIGIR 2005), and coverage(d) the share of the weights whose concept d holds.
Pseudo-relevance feedback (RM3: Abdul-Jaleel et al., TREC 2004) adds, with ``FEEDBACK_WEIGHT``,
the words that the best ``FEEDBACK_TEXTS`` share.

Whatever holds a few words of a subject is not yet about it: ``Query.floor`` says what is.
Free of Django and of I/O.
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
from papers.recommend.positions import SATURATION, Occurrences, PositionIndex, Scores, together
from papers.recommend.tokenize import plain, stem, words

Mask = NDArray[np.bool_]

CACHED_SEARCHES: Final = 1000
"""Searches kept for the next reader who asks the same: 12 bytes for each paper found."""
CAPITALS_WEIGHT: Final = 1.5
PHRASE: Final = 2.0
NEARBY: Final = 0.3
WINDOW: Final = 8
COVERAGE_POWER: Final = 4
FEEDBACK_WEIGHT: Final = 0.15
FEEDBACK_TEXTS: Final = 10
FEEDBACK_TERMS: Final = 20
FARTHEST_NEIGHBOURS: Final = 15
"""Positions in the search beyond which two of its words do not belong together."""
LONGEST_LONG_FORM: Final = 6

LEAST_COVERAGE: Final = 0.5
FULL_COVERAGE: Final = 0.95
COVERED_CONCEPTS: Final = 2.2
"""Of a search of many words so many are enough."""
LEAST_LINKED: Final = 0.5
LEAST_ATTESTED: Final = 0.65
LEAST_LIFT: Final = 2.0
"""Two words belong together if they meet so many times as often as by chance."""
LEAST_CORE: Final = 3
"""Papers that hold a subject in one sentence and let others in that hold most of its words."""

EXCLUDED: Final = re.compile(
    r"(?:(?<=\s)|^)(?:-(?=[\w\"“])|(?:not|without|except|excluding)\s+(?:the\s+|any\s+)?)"
    r"(\"[^\"]+\"|“[^”]+”|[\w-]+)",
    re.IGNORECASE,
)
QUOTED: Final = re.compile(r"\"([^\"]+)\"|“([^”]+)”")
TOKEN: Final = re.compile(r"[A-Za-z0-9]+(?:'[a-z]+)?|[,;|]")
LEAST_SPLIT: Final = 6
"""Letters of a word that may be written in two: reranking, re-ranking."""


class Word(NamedTuple):
    """One word of a search: as typed, its stem, and its position."""

    typed: str
    stem: str
    position: int

    @property
    def is_name(self) -> bool:
        """Whether it is written like an abbreviation or a name: LLM, ImageNet, 3D."""
        capitals = sum(letter.isupper() for letter in self.typed)
        return capitals > 1 or (capitals > 0 and any(c.isdigit() for c in self.typed))


@dataclass(frozen=True, slots=True)
class Parsed:
    """A search taken apart: words, phrases in quotes, and what it excludes."""

    words: tuple[Word, ...]
    phrases: tuple[Stems, ...]
    excluded: tuple[str, ...]


def parse(text: str) -> Parsed:
    """Take a search apart; ``-word``, ``not word`` and ``without word`` exclude."""
    text = plain(text)
    excluded = tuple(found.group(1).strip('"“”') for found in EXCLUDED.finditer(text))
    text = EXCLUDED.sub(" | ", text)
    phrases = tuple(stems_of(one or other) for one, other in QUOTED.findall(text))
    found, position = [], 0
    for part in TOKEN.findall(QUOTED.sub(" | ", text)):
        position += 1
        if part in ",;|":
            position += FARTHEST_NEIGHBOURS
        elif one := stem(part.lower()):
            found.append(Word(part, one, position))
    return Parsed(tuple(found), tuple(filter(None, phrases)), excluded)


def stems_of(text: str) -> Stems:
    """Return the stems of a text, without words that mean nothing."""
    return tuple(filter(None, map(stem, words(text))))


class Concept(NamedTuple):
    """One thing that a search asks for, wherever and however papers write it."""

    position: int
    weight: float
    found: Occurrences
    holding: Mask
    stems: Stems
    is_name: bool


@dataclass(frozen=True, slots=True)
class Search:
    """The papers that a search finds.

    Attributes:
        places: Candidates above the floor, rising.
        scores: Relevance of each, above 0 and below 1: the share of the most evidence there can
            be.
        known: Whether any candidate holds one of the words.
        wording: The search with long and short forms, for reasons.
    """

    places: NDArray[np.int32]
    scores: Scores
    known: bool
    wording: str


class Query:
    """One parsed search against an index: evidence and floor for every candidate."""

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
        """Return the sum of the shares of what each candidate holds."""
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
                word.position, factor, together(found), (word.stem,), is_name=word.is_name
            )
        for number, phrase in enumerate(parsed.phrases, start=1):
            position = -number * (FARTHEST_NEIGHBOURS + 1)
            yield self._concept(position, len(phrase), positions.phrase(phrase, 1), phrase)

    def _short_forms(self) -> Iterable[tuple[int, int, str]]:
        """Yield where the search spells a long form out, and the stem of its short form."""
        known = self.index.abbreviations.short_forms
        stems = [word.stem for word in self.parsed.words]
        for start, end in combinations(range(len(stems) + 1), 2):
            if 1 < end - start <= LONGEST_LONG_FORM:
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
        """The evidence of each candidate, as the module says, and without feedback."""
        positions = self.index.positions
        total = np.zeros(positions.count, np.float32)
        for concept in self.concepts:
            total += concept.weight * positions.saturated(concept.found)
        for one, other, distance in self._neighbours():
            both = one.found.before(other.found, distance)
            weight = (one.weight + other.weight) / 2 / distance
            total += weight * PHRASE * positions.saturated(both)
            near = one.found.near(other.found, WINDOW)
            total += weight * NEARBY * positions.saturated(near)
        return np.asarray(total * self.coverage**COVERAGE_POWER, np.float32)

    @property
    def most_evidence(self) -> float:
        """What the evidence of a paper that named the subject all the time would come to."""
        pairs = sum(
            (one.weight + other.weight) / 2 / distance
            for one, other, distance in self._neighbours()
        )
        return (SATURATION + 1) * (self.total + (PHRASE + NEARBY) * pairs)

    def _neighbours(self) -> Iterable[tuple[Concept, Concept, int]]:
        """Yield concepts that stand side by side in the search, with their distance there."""
        for one, other in pairwise(self.concepts):
            if 0 < (distance := other.position - one.position) < FARTHEST_NEIGHBOURS:
                yield one, other, distance

    @cached_property
    def floor(self) -> Mask:
        """Which candidates are about the subject.

        The subject must be one that the candidates know: words of ``LEAST_ATTESTED`` of the
        weight stand side by side somewhere, as they do in the search, or meet in one paper
        ``LEAST_LIFT`` times as often as by chance, or are names in capitals that several hold.
        A paper must cover ``LEAST_COVERAGE`` of the weight, and hold words of ``LEAST_LINKED``
        of it close together in one sentence, or all of the words, or be one more of a subject
        with ``LEAST_CORE`` such papers.
        """
        allowed = self._allowed()
        count = len(self.concepts)
        if count < 2 or self.parsed.phrases:
            return np.asarray(allowed & (self.coverage >= LEAST_COVERAGE), np.bool_)
        attested, linked = self._linked()
        if attested < LEAST_ATTESTED:
            return np.zeros(self.index.positions.count, bool)
        covered = self.coverage >= min(LEAST_COVERAGE, COVERED_CONCEPTS / count)
        core = covered & (linked >= LEAST_LINKED) | (self.coverage >= FULL_COVERAGE)
        return np.asarray(allowed & (covered if core.sum() >= LEAST_CORE else core), np.bool_)

    def _linked(self) -> tuple[float, Scores]:
        """Return the attested share of the weight, and the share that each candidate links."""
        count = len(self.concepts)
        linked = [np.zeros(self.index.positions.count, bool) for _ in range(count)]
        attested = np.array([concept.is_name for concept in self.concepts])
        for (at, one), (then, other) in combinations(enumerate(self.concepts), 2):
            distance = other.position - one.position
            if not 0 < distance < FARTHEST_NEIGHBOURS:
                continue
            near = self.index.positions.holding(one.found.near(other.found, WINDOW))
            linked[at] |= near
            linked[then] |= near
            side_by_side = then == at + 1 and len(one.found.before(other.found, distance)) > 0
            if side_by_side or self._associated(one, other):
                attested[[at, then]] = True
        shares = self.weights / self.total
        return float(shares[attested].sum()), self._share(shares, linked)

    def _associated(self, one: Concept, other: Concept) -> bool:
        """Whether two concepts meet in more papers than chance explains."""
        both = int((one.holding & other.holding).sum())
        expected = one.holding.sum() * other.holding.sum() / self.index.positions.count
        return both > 1 and both >= LEAST_LIFT * expected

    def _allowed(self) -> Mask:
        """Which candidates hold nothing that the search excludes, and every phrase in quotes."""
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

    def wording(self) -> str:
        """Return the words of the search with the other forms of its abbreviations."""
        typed = [word.typed for word in self.parsed.words]
        typed += [" ".join(phrase) for phrase in self.parsed.phrases]
        for word in self.parsed.words:
            typed += [" ".join(long) for long in self.index.long_forms(word)]
        typed += [short for _, _, short in self._short_forms()]
        return " | ".join(
            [" ".join(typed[: len(self.parsed.words)]), *typed[len(self.parsed.words) :]]
        )


class QueryIndex:
    """The candidates as searches see them, and the latest searches, kept for the next reader."""

    def __init__(self, titles: Sequence[str], abstracts: Sequence[str]) -> None:
        self.positions = PositionIndex(titles, abstracts)
        self.abbreviations = Abbreviations(
            f"{title}. {abstract}" for title, abstract in zip(titles, abstracts, strict=True)
        )
        self._counts, self._saturated = self.positions.counts()
        self._lengths = np.maximum(1, np.asarray(self._counts.sum(axis=1), np.float32).ravel())
        frequency = np.diff(self._saturated.indptr)
        self._idf = np.log((len(titles) + 1) / (frequency + 0.5)).astype(np.float32)
        self._kept: OrderedDict[str, Search] = OrderedDict()

    def idf(self, holding: Mask) -> float:
        """Return log((n + 1) / (df + 0.5)); what no candidate holds weighs most."""
        return float(np.log((self.positions.count + 1) / (int(holding.sum()) + 0.5)))

    def long_forms(self, word: Word) -> Sequence[Stems]:
        """Return what a word stands for, if it is written as an abbreviation or nothing else."""
        if word.is_name or word.stem not in self.positions.stems:
            return self.abbreviations.long_forms.get(word.stem, ())
        return ()

    def split(self, word: str) -> list[Occurrences]:
        """Return where a long word stands in two: ``re-ranking`` for ``reranking``."""
        if len(word) < LEAST_SPLIT:
            return []
        known = self.positions.stems
        halves = [(stem(word[:at]), stem(word[at:])) for at in range(2, len(word) - 2)]
        return [
            self.positions.phrase(half, 0) for half in halves if all(one in known for one in half)
        ]

    def of(self, text: str) -> Search:
        """Return the papers that a search finds."""
        if text not in self._kept:
            self._kept[text] = self._search(text)
            while len(self._kept) > CACHED_SEARCHES:
                self._kept.popitem(last=False)
        self._kept.move_to_end(text)
        return self._kept[text]

    def _search(self, text: str) -> Search:
        query = Query(self, text)
        if not query.known:
            return Search(np.empty(0, np.int32), np.empty(0, np.float32), False, text)
        places = np.flatnonzero(query.floor).astype(np.int32)
        scores = self._with_feedback(query.evidence, places) / query.most_evidence
        return Search(places, np.clip(scores, 1e-6, 1), True, query.wording())

    def _with_feedback(self, evidence: Scores, places: NDArray[np.int32]) -> Scores:
        """Return the evidence of some candidates, joined by the words that the best share."""
        found = evidence[places]
        if len(places) < 2:
            return found
        best = places[np.argsort(-found, kind="stable")[:FEEDBACK_TEXTS]]
        weights = evidence[best] / self._lengths[best]
        shared = np.asarray(weights @ self._counts[best], np.float32) * self._idf
        terms = np.argsort(-shared, kind="stable")[:FEEDBACK_TERMS]
        lent = (self._saturated[:, terms] @ (shared[terms] * self._idf[terms]))[places]
        lent *= found.max() / max(float(lent.max()), 1e-9)
        return np.asarray((1 - FEEDBACK_WEIGHT) * found + FEEDBACK_WEIGHT * lent, np.float32)
