"""Similarity of the candidates to a reader's likes, standardised so that candidates compare.

The similarity of two papers is the cosine of their terms (tf-idf: Salton and Buckley, 1988).
Averaged over a reader's likes it still favours hubs, candidates that are similar to everything.
The hubness correction subtracts each candidate's mean similarity m(c) to all candidates and
divides by the standard deviation s(c) of its similarities, the more the more likes there are
(one like says little about a reader):

    z(c) = (mean of cos(c, likes) - m(c)) / s(c) ** (k / (k + 3)) for k likes

Dislikes enter the mean with a negative weight (Rocchio, 1971). A text is too short to hold all
terms of its subject, so every paper is expanded by the terms of its neighbours
(``papers/recommend/expansion.py``) before it is compared.

Where there are sentence vectors, a second z is made from them and the two are added with weights
that depend on the length of the texts and on k (``papers/recommend/dense.py``). With few likes
pseudo-relevance feedback follows: see ``SimilarityModel.fit``. Free of Django and of I/O.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from papers.recommend.dense import SentenceVectors, floored_deviation, trust, vector_weight
from papers.recommend.expansion import (
    BATCH_ROWS,
    AddedExpansion,
    DocumentExpansion,
)
from papers.recommend.feedback import (
    MOST_FEEDBACK_CANDIDATES,
    MOST_FEEDBACK_LIKES,
    FeedbackDocuments,
    standardised,
    with_feedback,
)
from papers.recommend.sketches import sketches_of
from papers.recommend.term_weights import Columns, TermWeights
from papers.recommend.tfidf import Matrix

Scores = NDArray[np.float32]
ColumnFilter = Callable[[NDArray[np.integer]], NDArray[np.bool_]]
"""Tells of ascending columns which are chosen."""
QuantisedCosines = NDArray[np.int16]
"""Cosines in steps of 1 / ``COSINE_STEPS``: numpy reads them ten times faster than half floats."""

MOST_DIVISORS: Final = 40
"""Numbers of likes for which the power of the deviations is kept."""
SHRINKAGE_LIKES: Final = 3.0
"""The number of likes with which a candidate is divided by the root of its deviation."""
DISLIKE_WEIGHT: Final = 0.5
"""Weight of all dislikes together beside that of all likes."""
VECTOR_FEEDBACK_WEIGHT: Final = 0.7
"""Where sentence vectors weigh more than that, feedback compares vectors instead of terms."""
CHANCE_QUANTILES: Final = (0.97, 0.99)
"""The share of few and of many candidates that score below the threshold for random likes."""
MOST_BY_CHANCE: Final = 4
"""The candidates above it, between these shares."""
CHANCE_LEAD: Final = 1.3
"""How many times as much as that a candidate must score to fit the likes."""
CHANCE_GROUPS: Final = 64
"""Random groups of likes that the threshold is estimated from."""
MOST_CHANCE_LIKES: Final = 20
"""The threshold for more likes is that for so many."""
MOST_ALIKE_SHARE: Final = 0.02
"""The most candidates that fit some likes, as a share of all,"""
LEAST_ALIKE: Final = 12
"""though so many may always."""
COSINE_STEPS: Final = np.float32(16384)
COSINE_CACHE_BYTES: Final = 256 << 20
"""Memory for the cosines of papers that several readers like."""
QUERY_TEXTS: Final = 12
"""A few candidates are compared with as many terms of the summed likes as so many average texts
have,"""
LEAST_QUERY_TERMS: Final = 800
"""and with no fewer than that."""


class Fit(NamedTuple):
    """How well candidates fit some likes.

    Attributes:
        scores: One for each candidate, comparable with each other only.
        above: Which of them score above ``SimilarityModel.chance_threshold``.
    """

    scores: Scores
    above: NDArray[np.bool_]


class LikeSimilarity(NamedTuple):
    """The similarity of candidates to the weighted sum of the likes and dislikes.

    Attributes:
        likes: The number of likes.
        terms: For each candidate, the similarity by terms.
        vectors: The same by sentence vectors; None without them.
        weight: The sum of the weights: one, less where there are dislikes.
    """

    likes: int
    terms: Scores
    vectors: Scores | None = None
    weight: float = 1.0


class SimilarityModel:
    """Similarities of documents (likes, dislikes) to the candidates, which come first.

    Attributes:
        terms: Documents x terms, rows of length one.
        expansion: The neighbours of every document and its expanded terms.
        mean: For each candidate, the mean similarity to all candidates.
        deviation: For each document, the standard deviation of its similarities.
        vectors: Sentence vectors; None where there are none or none to trust.
        trust: How far the vectors are trusted, between 0 and 1.
        sketches: Short vectors of the candidates, whose products approximate cosines.
    """

    def __init__(
        self,
        matrix: Matrix,
        candidate_count: int,
        vectors: Scores | None = None,
        words: float = 0.0,
        named: int | None = None,
    ) -> None:
        """Compare all documents with the candidates.

        Args:
            matrix: Documents x terms, rows of length one.
            candidate_count: How many of the documents, from the first, are candidates.
            vectors: Documents x dimensions, raw sentence vectors.
            words: The mean length of the texts.
            named: How many of the columns, from the first, are stems and pairs of stems.
        """
        self._count = candidate_count
        self.terms = TermWeights(matrix, candidate_count)
        self.expansion = DocumentExpansion(self.terms, matrix)
        self.mean = self._mean_similarity()
        self.deviation = floored_deviation(self.expansion.variance)
        self._words = words
        self.vectors, self.trust = self._trusted_vectors(vectors, matrix[:candidate_count, :named])
        self.sketches = sketches_of(matrix[:candidate_count])
        self._query_terms = max(LEAST_QUERY_TERMS, QUERY_TEXTS * self.terms.mean_terms)
        self._cache: OrderedDict[int, QuantisedCosines] = OrderedDict()
        self._most_cached = max(1, COSINE_CACHE_BYTES // max(1, 2 * candidate_count))
        self._thresholds: dict[int, float] = {}
        self._divisors: dict[int, Scores] = {}

    def _trusted_vectors(
        self, raw: Scores | None, named: Matrix
    ) -> tuple[SentenceVectors | None, float]:
        """Return the sentence vectors and how far they are trusted; None where not at all."""
        if raw is None or not self._count or not vector_weight(self._words):
            return None, 0.0
        vectors = SentenceVectors(raw, self._count)
        transformed = vectors.transform(raw[: self._count])
        trusted = trust(named, transformed)
        return (vectors if trusted else None), trusted

    def with_added(self, rows: Matrix) -> SimilarityModel:
        """Return the model with further documents, which follow the others and are no candidates.

        The model itself stays as it is, and what is large is shared. Documents are then compared
        by terms alone.

        Args:
            rows: Further documents x terms, rows of length one.
        """
        rare, frequent = self.terms.split(rows)
        cosines = self.terms.products(rare, frequent)
        variance = np.concatenate([self.expansion.variance, cosines.var(axis=1)])
        expansion = AddedExpansion(self.expansion, rare, frequent, cosines)
        changed = {
            "expansion": expansion,
            "deviation": floored_deviation(variance),
            "_cache": OrderedDict(self._cache),
            "_divisors": {},
        }
        if self.vectors is not None:
            changed |= {"vectors": None, "trust": 0.0, "_thresholds": {}}
        added = copy.copy(self)
        vars(added).update(changed)
        return added

    def prepare(self, rows: Collection[int]) -> None:
        """Compute and cache together what ``cosines`` will return for these documents."""
        missing = [row for row in dict.fromkeys(rows) if row not in self._cache]
        for start in range(0, len(missing), BATCH_ROWS):
            part = missing[start : start + BATCH_ROWS]
            found = self._expanded_products(*self.expansion.expanded(part))
            self._cache.update(zip(part, _quantised(found), strict=True))
        while len(self._cache) > max(self._most_cached, len(rows)):
            self._cache.popitem(last=False)

    def _expanded_products(self, rare: Matrix, frequent: Scores) -> Scores:
        """Return the products of rows with the expanded candidates, rows x candidates."""
        return self.expansion.expand_scores(self.terms.products(rare, frequent))

    def cosines(self, row: int) -> QuantisedCosines:
        """Return the cosines of one expanded document with every candidate."""
        if row not in self._cache:
            self.prepare([row])
        self._cache.move_to_end(row)
        return self._cache[row]

    def cosines_of(self, rows: Sequence[int]) -> list[QuantisedCosines]:
        """Return the cosines of several expanded documents."""
        return [self._cache[row] if row in self._cache else self.cosines(row) for row in rows]

    def fit(
        self,
        likes: Sequence[int],
        weights: Scores,
        dislikes: Sequence[int] = (),
        places: NDArray[np.intp] | None = None,
        ignored: ColumnFilter | None = None,
    ) -> Fit:
        """Return how well candidates fit some likes.

        With few likes and not too many candidates, the best candidates serve as further likes:
        pseudo-relevance feedback (Croft and Harper, 1979), weighted by score as in the relevance
        model of Lavrenko and Croft (SIGIR 2001).

        Args:
            likes: The rows of the liked papers.
            weights: The weight of each.
            dislikes: The rows of the disliked papers.
            places: The candidates to compare; None for all. Of some, ``above`` only compares
                with the mean.
            ignored: Tells of terms whether they count for nothing. There is no feedback then: it
                would bring back what the best candidates share.
        """
        which = np.arange(self._count) if places is None else places
        found = self._similarity_to(likes, weights, dislikes, places, ignored)
        scores = self._corrected(found, places)
        floor = self.chance_threshold(min(len(likes), MOST_CHANCE_LIKES)) if places is None else 0.0
        above = scores > floor
        if places is None and (most := self._most_alike() + len(likes)) < self._count:
            above &= scores >= -np.partition(-scores, most - 1)[most - 1]
        few = len(likes) <= MOST_FEEDBACK_LIKES and len(which) <= MOST_FEEDBACK_CANDIDATES
        if few and ignored is None:
            scores = self._with_feedback(scores, which, [*likes, *dislikes], len(likes))
        return Fit(scores, above)

    def _with_feedback(
        self, scores: Scores, which: NDArray[np.intp], judged: Sequence[int], likes: int
    ) -> Scores:
        """Return scores in which the feedback documents are ordered anew."""
        known = np.zeros(len(self.deviation), bool)
        known[list(judged)] = True
        return with_feedback(
            scores, known[which], likes, lambda best: self._feedback_documents(which[best])
        )

    def _feedback_documents(self, rows: NDArray[np.intp]) -> FeedbackDocuments:
        """Return candidates to compare by terms or, where texts are bare titles, by vectors."""
        if (
            self.vectors is not None
            and self.trust * vector_weight(self._words) > VECTOR_FEEDBACK_WEIGHT
        ):
            deviation = self.vectors.deviation[rows]
            # Centred vectors of length one: their mean similarity is zero, that to self one.
            zeros = np.zeros_like(deviation)
            return FeedbackDocuments(
                self.vectors.similarity_among(rows), zeros + 1, zeros, deviation
            )
        return FeedbackDocuments(
            self.expansion.similarity_among(rows),
            self.expansion.squared_norms[rows],
            self.mean[rows],
            self.deviation[rows],
        )

    def _similarity_to(
        self,
        likes: Sequence[int],
        weights: Scores,
        dislikes: Sequence[int],
        places: NDArray[np.intp] | None,
        ignored: ColumnFilter | None = None,
    ) -> LikeSimilarity:
        """Return the weighted mean similarity to the likes, less that to the dislikes.

        All candidates are compared with each liked paper once, for every reader who likes it; for
        a few places it is cheaper to sum the likes first.
        """
        rows = [*likes, *dislikes]
        signed = np.concatenate([self.shares(likes, weights), _dislike_weights(len(dislikes))])
        if places is None:
            terms = self._summed_cosines(rows, signed)
        else:
            terms = self._products_at(*self.expansion.expanded_sum(rows, signed), places)
        if ignored is not None:
            without = self._similarity_by(rows, signed, ignored)
            terms = terms - (without if places is None else without[places])
        if self.vectors is None:
            return LikeSimilarity(len(likes), terms, None, float(signed.sum()))
        query = np.asarray(signed @ self.vectors.vectors[rows], np.float32)
        by_vectors = self.vectors.similarity(query, places)
        return LikeSimilarity(len(likes), terms, by_vectors, float(signed.sum()))

    def _similarity_by(self, rows: Sequence[int], weights: Scores, chosen: ColumnFilter) -> Scores:
        """Return the part of the similarity to the summed documents that some terms make."""
        columns, values, frequent = self.expansion.expanded_sum(rows, weights)
        rare = chosen(columns)
        kept = frequent * chosen(self.terms.frequent_columns)
        found = self.terms.products_of(columns[rare], values[rare], kept)
        return self.expansion.expand_scores(found)

    def contributions(
        self, likes: Sequence[int], weights: Scores, places: NDArray[np.intp]
    ) -> tuple[NDArray[np.integer], Scores]:
        """Return which terms make the likes similar to some candidates.

        Returns:
            The columns of the terms, ascending, and the part of the mean similarity that each
            makes, without the candidates' expansion.
        """
        columns, values, frequent = self.expansion.expanded_sum(likes, self.shares(likes, weights))
        mean = np.asarray(self.terms.rare(places).mean(axis=0)).ravel()
        parts = np.concatenate(
            [values * mean[columns], frequent * self.terms.frequent(places).mean(axis=0)]
        )
        both = np.concatenate([columns, self.terms.frequent_columns])
        order = np.argsort(both)
        return both[order], np.asarray(parts[order], np.float32)

    def _summed_cosines(self, rows: Sequence[int], weights: Scores) -> Scores:
        """Return for every candidate the weighted sum of its cosines with some documents."""
        self.prepare(rows)
        found = np.zeros(self._count, np.float32)
        for start in range(0, len(rows), BATCH_ROWS):
            part = np.stack([self.cosines(row) for row in rows[start : start + BATCH_ROWS]])
            found += (weights[start : start + BATCH_ROWS] / COSINE_STEPS) @ part.astype(np.float32)
        return found

    def shares(self, likes: Sequence[int] | NDArray[np.intp], weights: Scores) -> Scores:
        """Return the weights divided by the root of each like's deviation, with a sum of one.

        A large deviation marks a like in a dense region of the collection, which tells less.
        """
        shares = weights / np.sqrt(self.deviation[np.asarray(likes, np.intp)])
        return np.asarray(shares / shares.sum(), np.float32)

    def _products_at(
        self, columns: Columns, weights: Scores, frequent: Scores, places: NDArray[np.intp]
    ) -> Scores:
        """Return the products of one row with some candidates, by its heaviest rare terms.

        Args:
            columns: The columns of the row's rare terms.
            weights: Their weights.
            frequent: The weights of the row's frequent terms.
            places: The candidates.
        """
        if len(columns) > self._query_terms:
            best = np.argpartition(-np.abs(weights), self._query_terms)[: self._query_terms]
            columns, weights = columns[best], weights[best]
        found = self.terms.products_of(columns, weights, frequent)
        return self.expansion.expand_scores_at(found, places)

    def _mean_similarity(self) -> Scores:
        """Return the mean similarity of each candidate to the others, at least zero."""
        mean = self._expanded_products(*self.expansion.mean())[0]
        return np.asarray(np.maximum(mean - 1 / max(1, self._count), 0), np.float32)

    def _corrected(self, found: LikeSimilarity, places: NDArray[np.intp] | None = None) -> Scores:
        """Return z of all candidates, or of those at ``places``: see the module."""
        which = slice(None) if places is None else places
        power = found.likes / (found.likes + SHRINKAGE_LIKES)
        difference = found.terms - np.float32(found.weight) * self.mean[which]
        z = np.asarray(difference / self._divisor(found.likes)[which], np.float32)
        if self.vectors is None or found.vectors is None:
            return np.asarray(z, np.float32)
        weight = self.trust * vector_weight(self._words)
        by_vectors = found.vectors / self.vectors.deviation[which] ** power
        mixed = (1 - weight) * standardised(z) + weight * standardised(by_vectors)
        return mixed.astype(np.float32)

    def _divisor(self, likes: int) -> Scores:
        """Return for each candidate the divisor of z for a number of likes."""
        if likes not in self._divisors:
            if len(self._divisors) >= MOST_DIVISORS:
                self._divisors.clear()
            power = likes / (likes + SHRINKAGE_LIKES)
            powers = self.deviation[: self._count] ** power
            self._divisors[likes] = np.asarray(powers, np.float32)
        return self._divisors[likes]

    def _most_alike(self) -> int:
        """Return the most candidates that fit some likes."""
        return max(LEAST_ALIKE, int(MOST_ALIKE_SHARE * self._count))

    def __getstate__(self) -> dict[str, Any]:
        """Return what is stored of the model: all but the cosines of single documents."""
        return self.__dict__ | {"_cache": OrderedDict()}

    def compute_thresholds(self) -> None:
        """Compute ``chance_threshold`` for every number of likes."""
        for likes in range(1, MOST_CHANCE_LIKES + 1):
            self.chance_threshold(likes)

    def chance_threshold(self, likes: int) -> float:
        """Return the score that a candidate must exceed to fit so many likes."""
        if likes not in self._thresholds:
            self._thresholds[likes] = self._chance_threshold(likes)
        return self._thresholds[likes]

    def _chance_threshold(self, likes: int) -> float:
        """Return ``CHANCE_LEAD`` times the score that all but a few stay below by chance.

        Drawn are ``CHANCE_GROUPS`` groups of random candidates in place of the likes; the
        threshold is the quantile of the scores of all other candidates.

        Args:
            likes: The number of candidates in a group.
        """
        generator = np.random.default_rng(likes)
        drawn = generator.integers(0, max(1, self._count), min(CHANCE_GROUPS, self._count))
        self.prepare(drawn.tolist())
        found: list[Scores] = [np.empty(0, np.float32)]
        for first in drawn.tolist():
            group = [first, *generator.choice(drawn, likes - 1).tolist()]
            similarity = self._similarity_to(group, np.ones(likes, np.float32), (), None)
            scores = self._corrected(similarity)
            found.append(np.delete(scores, group))
        others = np.concatenate(found)
        # In a catalogue of a paper or two no candidate is left beside the group.
        if not others.size:
            return 0.0
        share = np.clip(1 - MOST_BY_CHANCE / self._count, *CHANCE_QUANTILES)
        return CHANCE_LEAD * float(np.quantile(others, share))


def _dislike_weights(count: int) -> Scores:
    """Return the weights of ``count`` dislikes, with a sum of ``-DISLIKE_WEIGHT``."""
    return np.full(count, -DISLIKE_WEIGHT / max(1, count), np.float32)


def _quantised(cosines: Scores) -> QuantisedCosines:
    """Return cosines as integers; expansion makes none of them larger than 1.21, which fits."""
    return np.asarray(np.rint(cosines * COSINE_STEPS), np.int16)
