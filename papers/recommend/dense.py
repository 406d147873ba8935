"""What papers mean, as sentence vectors, where the ``semantic`` extra makes them.

Free of Django and of I/O.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from papers.recommend.expansion import Scores, nearest
from papers.recommend.tfidf import Matrix

LEAST_SPREAD: Final = 0.2
"""No spread is taken for less than this share of the mean one: it would be noise."""
FLATTENING: Final = 0.15
DIRECTIONS: Final = 192
TITLE_WEIGHT: Final = 0.83
ABSTRACT_WEIGHT: Final = 0.35
TITLE_WORDS: Final = 15
ABSTRACT_WORDS: Final = 100
LENT: Final = 0.75
TRUST_SAMPLE: Final = 200
TRUST_TERMS: Final = 0.01
"""Terms in more than this share of the texts relate everything to everything."""
LEAST_TRUST: Final = 0.04
"""Vectors whose correlation is no more than that are not used,"""
FULL_TRUST: Final = 0.10
"""and count fully from here on: all-MiniLM-L6-v2 has 0.14 on titles and 0.11 on abstracts."""


class Meaning:
    """Sentence vectors, centred and flattened so that no common direction drowns the others.

    Each principal direction is divided by its variance to the power of ``FLATTENING``; the
    ``DIRECTIONS`` of the largest variance are kept. Then each paper is lent the meaning of its
    neighbours, as it is with words.
    """

    def __init__(self, vectors: Scores, shown: int) -> None:
        known = vectors[np.abs(vectors).sum(axis=1) > 0]
        self.mean = known.mean(axis=0) if len(known) else np.zeros(vectors.shape[1], np.float32)
        centred = known - self.mean
        variances, directions = np.linalg.eigh(centred.T @ centred / max(1, len(known)))
        flattened = directions / np.maximum(variances, 1e-6) ** FLATTENING
        self.turn = flattened[:, -DIRECTIONS:]
        self.vectors = _lent(self.turned(vectors), shown)
        shown_vectors = self.vectors[:shown]
        second = shown_vectors.T @ shown_vectors / shown
        variance = np.einsum("ij,ij->i", shown_vectors @ second, shown_vectors) - 1 / shown
        self.shown_vectors = shown_vectors
        self.spread = floored(variance)

    def turned(self, vectors: Scores) -> Scores:
        """Raw vectors in these directions, of length one; a missing one stays zero."""
        present = np.abs(vectors).sum(axis=1, keepdims=True) > 0
        return _unit(np.where(present, (vectors - self.mean) @ self.turn, 0))

    def likeness(self, wanted: Scores, places: NDArray[np.intp] | None) -> Scores:
        """The cosine of each candidate, or of some, with a vector; usual is nothing."""
        vectors = self.shown_vectors if places is None else self.shown_vectors[places]
        return np.asarray(vectors @ wanted, np.float32)

    def among(self, rows: NDArray[np.intp]) -> Callable[[Scores], Scores]:
        """For what each of some documents counts: how alike each is to all of them together."""
        vectors = self.vectors[rows]
        return lambda voices: np.asarray(vectors @ (voices @ vectors), np.float32)


def meaning_weight(words: float, power: float) -> float:
    """How much sentence vectors count: much for bare titles, less for rich abstracts.

    The words of many abstracts tell more than those of one, so with ``power`` (that of the
    spread: the more likes, the nearer to one) the abstracts' weight falls.
    """
    richness = min(1.0, max(0.0, (words - TITLE_WORDS) / (ABSTRACT_WORDS - TITLE_WORDS)))
    abstracts = ABSTRACT_WEIGHT * (1 - power) ** 0.5
    return float((1 - richness) * TITLE_WEIGHT + richness * abstracts)


def trust(terms: Matrix, vectors: Scores) -> float:
    """Return how far vectors can be trusted, between 0 and 1, by a self-test on the texts.

    Two papers without a common word may still be related: their words stand together in others.
    That relation, the square of the matrix of cosines, is known from the terms alone. A good
    model knows it too; sums of word vectors, noise and vectors of a few dimensions do not. The
    result is the mean correlation over a sample, scaled from ``LEAST_TRUST`` to ``FULL_TRUST``.

    Args:
        terms: Texts x terms, rows of length one.
        vectors: Texts x dimensions, rows of length one.
    """
    count = terms.shape[0]
    frequency = np.bincount(terms.indices, minlength=terms.shape[1])
    rare = (frequency > 1) & (frequency <= max(10, TRUST_TERMS * count))
    terms = terms[:, np.flatnonzero(rare)].tocsr()
    chance = np.random.default_rng(1)
    sample = chance.choice(count, min(TRUST_SAMPLE, count), replace=False)
    direct = (terms[sample] @ terms.T).toarray()
    direct[np.arange(len(sample)), sample] = 0
    related = (direct @ terms) @ terms.T
    direct[np.arange(len(sample)), sample] = 1
    cosines = vectors[sample] @ vectors.T
    found = [
        np.corrcoef(cosines[row, apart], related[row, apart])[0, 1]
        for row, apart in enumerate(direct == 0)
        if apart.any() and min(related[row, apart].std(), cosines[row, apart].std()) > 0
    ]
    mean = float(np.mean(found)) if found else FULL_TRUST
    return min(1.0, max(0.0, (mean - LEAST_TRUST) / (FULL_TRUST - LEAST_TRUST)))


def _lent(vectors: Scores, shown: int) -> Scores:
    """Each vector with a share of those of its nearest candidates, of length one again."""
    candidates = vectors[:shown]
    places, weights, _ = nearest(len(vectors), shown, lambda rows: vectors[rows] @ candidates.T)
    lent = vectors.copy()
    for place, weight in zip(places.T, weights.T, strict=True):
        lent += LENT * weight[:, np.newaxis] * candidates[place]
    return _unit(lent)


def _unit(vectors: NDArray[np.floating]) -> Scores:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    return np.asarray(vectors / lengths, np.float32)


def floored(variance: NDArray[np.floating]) -> Scores:
    """The deviation for each variance, none too small."""
    spread = np.sqrt(np.maximum(variance, 1e-12))
    return np.asarray(
        np.maximum(spread, LEAST_SPREAD * spread.sum() / max(1, len(spread))), np.float32
    )
