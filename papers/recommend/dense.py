"""Similarity of papers by sentence vectors, which count where papers are bare titles.

Free of Django and of I/O.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from papers.recommend.expansion import nearest_neighbours
from papers.recommend.term_weights import Scores
from papers.recommend.tfidf import Matrix

LEAST_DEVIATION: Final = 0.2
"""Floor of a standard deviation, as a share of the mean one: below it is noise."""
WHITENING_POWER: Final = 0.15
"""Exponent of the variance that each principal direction is divided by; 0.5 is full whitening."""
COMPONENTS: Final = 192
"""Principal directions kept, those of the largest variance."""
TITLE_VECTOR_WEIGHT: Final = 0.83
"""Weight of the vectors beside the terms, between 0 and 1, for texts of ``TITLE_WORDS`` or less;"""
TITLE_WORDS: Final = 15
ABSTRACT_WORDS: Final = 100
"""those of so many words are compared by terms alone."""
VECTOR_EXPANSION_WEIGHT: Final = 0.75
"""Weight of the neighbours' vectors beside the document's own."""
TRUST_SAMPLE: Final = 200
"""Texts that the self-test compares with all others."""
TRUST_FREQUENCY: Final = 0.01
"""Terms in more than this share of the texts relate everything to everything."""
LEAST_TRUST: Final = 0.04
"""Vectors with this correlation or less in the self-test are not used,"""
FULL_TRUST: Final = 0.10
"""and count fully from here on: all-MiniLM-L6-v2 has 0.14 on titles and 0.11 on abstracts."""


class SentenceVectors:
    """Sentence vectors, centred, partly whitened and expanded by their neighbours.

    Each principal direction is divided by its variance to the power of ``WHITENING_POWER``, so
    that no common direction dominates the cosines; the ``COMPONENTS`` of the largest variance are
    kept. Then each document is expanded as its terms are (``papers/recommend/expansion.py``).

    Attributes:
        vectors: Documents x components, rows of length one, or zero where there is no vector.
        candidate_vectors: The rows of the candidates, which come first.
        deviation: For each candidate, the standard deviation of its cosines with the candidates.
    """

    def __init__(self, vectors: Scores, candidate_count: int) -> None:
        known = vectors[np.abs(vectors).sum(axis=1) > 0]
        self._mean = known.mean(axis=0) if len(known) else np.zeros(vectors.shape[1], np.float32)
        centred = known - self._mean
        variances, directions = np.linalg.eigh(centred.T @ centred / max(1, len(known)))
        whitened = directions / np.maximum(variances, 1e-6) ** WHITENING_POWER
        self._projection = whitened[:, -COMPONENTS:]
        self.vectors = _expanded(self.transform(vectors), candidate_count)
        candidates = self.vectors[:candidate_count]
        second_moment = candidates.T @ candidates / candidate_count
        variance = (
            np.einsum("ij,ij->i", candidates @ second_moment, candidates) - 1 / candidate_count
        )
        self.candidate_vectors = candidates
        self.deviation = floored_deviation(variance)

    def transform(self, vectors: Scores) -> Scores:
        """Return raw vectors centred, projected and of length one; a missing one stays zero."""
        present = np.abs(vectors).sum(axis=1, keepdims=True) > 0
        return _unit(np.where(present, (vectors - self._mean) @ self._projection, 0))

    def similarity(self, query: Scores, places: NDArray[np.intp] | None) -> Scores:
        """Return the product of each candidate, or of those at ``places``, with a vector."""
        vectors = self.candidate_vectors if places is None else self.candidate_vectors[places]
        return np.asarray(vectors @ query, np.float32)

    def similarity_among(self, rows: NDArray[np.intp]) -> Callable[[Scores], Scores]:
        """Return a function from weights of n documents to the n similarities to their sum."""
        vectors = self.vectors[rows]
        return lambda weights: np.asarray(vectors @ (weights @ vectors), np.float32)


def vector_weight(words: float) -> float:
    """Return the weight of vectors beside terms: high for bare titles, none for abstracts.

    Args:
        words: The mean length of the texts.
    """
    richness = min(1.0, max(0.0, (words - TITLE_WORDS) / (ABSTRACT_WORDS - TITLE_WORDS)))
    return (1 - richness) * TITLE_VECTOR_WEIGHT


def trust(terms: Matrix, vectors: Scores) -> float:
    """Return how far vectors can be trusted, between 0 and 1, by a self-test on the texts.

    Two papers without a common word may still be related: their words occur together in others.
    That relation, the square of the matrix of cosines, is known from the terms alone, and the
    cosines of a good model correlate with it; those of summed word vectors, of noise and of
    vectors of a few dimensions do not. The result is the mean correlation over a sample, scaled
    from ``LEAST_TRUST`` to ``FULL_TRUST``.

    Args:
        terms: Texts x terms, rows of length one.
        vectors: Texts x dimensions, rows of length one.
    """
    count = terms.shape[0]
    frequency = np.bincount(terms.indices, minlength=terms.shape[1])
    rare = (frequency > 1) & (frequency <= max(10, TRUST_FREQUENCY * count))
    terms = terms[:, np.flatnonzero(rare)].tocsr()
    generator = np.random.default_rng(1)
    sample = generator.choice(count, min(TRUST_SAMPLE, count), replace=False)
    direct = (terms[sample] @ terms.T).toarray()
    direct[np.arange(len(sample)), sample] = 0
    related = (direct @ terms) @ terms.T
    direct[np.arange(len(sample)), sample] = 1
    cosines = vectors[sample] @ vectors.T
    correlations = [
        np.corrcoef(cosines[row, apart], related[row, apart])[0, 1]
        for row, apart in enumerate(direct == 0)
        if apart.any() and min(related[row, apart].std(), cosines[row, apart].std()) > 0
    ]
    mean = float(np.mean(correlations)) if correlations else FULL_TRUST
    return min(1.0, max(0.0, (mean - LEAST_TRUST) / (FULL_TRUST - LEAST_TRUST)))


def _expanded(vectors: Scores, candidate_count: int) -> Scores:
    """Return each vector with a share of those of its nearest candidates, of length one again."""
    candidates = vectors[:candidate_count]
    places, weights, _ = nearest_neighbours(
        len(vectors), candidate_count, lambda rows: vectors[rows] @ candidates.T
    )
    expanded = vectors.copy()
    for place, weight in zip(places.T, weights.T, strict=True):
        expanded += VECTOR_EXPANSION_WEIGHT * weight[:, np.newaxis] * candidates[place]
    return _unit(expanded)


def _unit(vectors: NDArray[np.floating]) -> Scores:
    """Return the rows scaled to length one; a row of zeros stays so."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    return np.asarray(vectors / lengths, np.float32)


def floored_deviation(variance: NDArray[np.floating]) -> Scores:
    """Return the standard deviations, none below ``LEAST_DEVIATION`` times their mean."""
    deviation = np.sqrt(np.maximum(variance, 1e-12))
    return np.asarray(
        np.maximum(deviation, LEAST_DEVIATION * deviation.sum() / max(1, len(deviation))),
        np.float32,
    )
