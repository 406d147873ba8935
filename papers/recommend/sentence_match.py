"""How near searches and liked papers are to the candidates by sentence vectors, as a floor.

Words alone tell a paper on a subject from one that only uses its words less well than a person
does. Free of Django and of I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from papers.recommend.similarity import Scores
from papers.recommend.text_model import Vectors

LEAST_SEARCH_DEVIATIONS: Final = 2.0
"""Standard deviations above the mean cosine with all candidates from which a paper is near."""
BROAD_SHARE: Final = 0.05
"""A search that finds more than this share of the candidates by its words has no floor."""
LEAST_LIKE_COSINE: Final = 0.45
"""The mean cosine with the ``NEAREST_LIKES`` liked papers from which a paper is near."""
NEAREST_LIKES: Final = 3
LEAST_KNOWN_SHARE: Final = 0.9
"""Of the candidates, and of a reader's likes, must have a vector, or nothing is compared,"""
LEAST_KNOWN: Final = 50
"""and so many candidates, for a mean and a deviation."""
PORTION: Final = 4096
"""Vectors that are unpacked together."""


class SentenceMatch:
    """Raw sentence vectors of some papers, the candidates first.

    Attributes:
        encode: Returns the vectors of short texts, texts x dimensions.
        is_usable: Whether enough of the candidates have a vector.
    """

    def __init__(
        self, vectors: Vectors, candidate_count: int, encode: Callable[[Sequence[str]], Scores]
    ) -> None:
        """Keep the vectors.

        Args:
            vectors: Documents x dimensions, rows of length one, or zero where there is none.
            candidate_count: How many of the documents, from the first, are candidates.
            encode: The model that the vectors are of.
        """
        self.encode = encode
        self._vectors = vectors.astype(np.float16)
        self._known = np.asarray(vectors.any(axis=1), np.bool_)
        known = np.flatnonzero(self._known[:candidate_count])
        self.is_usable = len(known) >= max(LEAST_KNOWN, LEAST_KNOWN_SHARE * candidate_count)
        if self.is_usable:
            self._mean, self._covariance = self._moments(known)

    def _moments(self, rows: NDArray[np.integer]) -> tuple[Scores, Scores]:
        """Return the mean and the covariance of some vectors, unpacked a portion at a time."""
        width = self._vectors.shape[1]
        total = np.zeros(width, np.float64)
        products = np.zeros((width, width), np.float64)
        for start in range(0, len(rows), PORTION):
            portion = self._vectors[rows[start : start + PORTION]].astype(np.float32)
            total += portion.sum(axis=0)
            products += portion.T @ portion
        mean = total / len(rows)
        covariance = products / len(rows) - np.outer(mean, mean)
        return np.asarray(mean, np.float32), np.asarray(covariance, np.float32)

    def near_search(self, search: Scores, places: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Return which candidates are near a search; those without a vector are.

        Args:
            search: The vector of the search, of length one.
            places: The candidates.
        """
        near = self.search_deviations(search, places) >= LEAST_SEARCH_DEVIATIONS
        return np.asarray(near | ~self._known[places], np.bool_)

    def search_deviations(self, search: Scores, places: NDArray[np.integer]) -> Scores:
        """Return by how many standard deviations candidates are nearer than the mean one."""
        deviation = float(np.sqrt(max(float(search @ self._covariance @ search), 1e-12)))
        cosines = self._vectors[places].astype(np.float32) @ search
        return np.asarray((cosines - self._mean @ search) / deviation, np.float32)

    def near_likes(self, likes: Sequence[int], places: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Return which candidates are near the liked papers; those without a vector are.

        All are where many of the liked papers have no vector: they may be near those.

        Args:
            likes: The rows of the liked papers.
            places: The candidates.
        """
        known = self._rows_with_vector(likes)
        if not known or len(known) < LEAST_KNOWN_SHARE * len(likes):
            return np.ones(len(places), bool)
        near = self.like_cosines(known, places) >= LEAST_LIKE_COSINE
        return np.asarray(near | ~self._known[places], np.bool_)

    def like_cosines(self, likes: Sequence[int], places: NDArray[np.integer]) -> Scores:
        """Return the mean cosine of candidates with the nearest liked papers."""
        liked = self._vectors[self._rows_with_vector(likes)].astype(np.float32)
        cosines = np.sort(self._vectors[places].astype(np.float32) @ liked.T, axis=1)
        return np.asarray(cosines[:, -NEAREST_LIKES:].mean(axis=1), np.float32)

    def _rows_with_vector(self, rows: Sequence[int]) -> list[int]:
        return [row for row in rows if row < len(self._known) and self._known[row]]
