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


class SentenceMatch:
    """Raw sentence vectors of some papers, the candidates first.

    Attributes:
        encode: Returns the vectors of short texts, texts x dimensions.
        is_usable: Whether enough of the candidates have a vector.
    """

    def __init__(
        self, vectors: Scores, candidate_count: int, encode: Callable[[Sequence[str]], Scores]
    ) -> None:
        """Keep the vectors.

        Args:
            vectors: Documents x dimensions, rows of length one, or zero where there is none.
            candidate_count: How many of the documents, from the first, are candidates.
            encode: The model that the vectors are of.
        """
        self.encode = encode
        self._vectors = vectors.astype(np.float16)
        self._known: NDArray[np.bool_] = np.abs(vectors).sum(axis=1) > 0
        candidates = vectors[:candidate_count][self._known[:candidate_count]]
        least = max(LEAST_KNOWN, LEAST_KNOWN_SHARE * candidate_count)
        self.is_usable = len(candidates) >= least
        if self.is_usable:
            self._mean = candidates.mean(axis=0)
            centred = candidates - self._mean
            self._covariance = centred.T @ centred / len(candidates)

    def near_search(self, search: Scores, places: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Return which candidates are near a search; those without a vector are.

        Args:
            search: The vector of the search, of length one.
            places: The candidates.
        """
        deviation = float(np.sqrt(max(float(search @ self._covariance @ search), 1e-12)))
        cosines = self._vectors[places].astype(np.float32) @ search
        near = cosines - self._mean @ search >= LEAST_SEARCH_DEVIATIONS * deviation
        return np.asarray(near | ~self._known[places], np.bool_)

    def near_likes(self, likes: Sequence[int], places: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Return which candidates are near the liked papers; those without a vector are.

        All are where many of the liked papers have no vector: they may be near those.

        Args:
            likes: The rows of the liked papers.
            places: The candidates.
        """
        rows = [row for row in likes if row < len(self._known) and self._known[row]]
        if not rows or len(rows) < LEAST_KNOWN_SHARE * len(likes):
            return np.ones(len(places), bool)
        liked = self._vectors[rows].astype(np.float32)
        cosines = np.sort(self._vectors[places].astype(np.float32) @ liked.T, axis=1)
        near = cosines[:, -NEAREST_LIKES:].mean(axis=1) >= LEAST_LIKE_COSINE
        return np.asarray(near | ~self._known[places], np.bool_)
