"""Cosines of candidates with the papers of a digest, and with those that the reader got before.

Free of Django and of I/O.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from papers.recommend.sketches import SKETCH_DIMENSIONS, Scores, Sketches


class Closeness:
    """The largest cosines of the candidates that were looked at; others are computed on demand."""

    def __init__(self, sketches: Sketches) -> None:
        """Compare by sketches, candidates x dimensions: see ``SimilarityModel``."""
        self._sketches = sketches
        self._seen: dict[int, int] = {}
        self._block: Scores = np.empty((0, SKETCH_DIMENSIONS), np.float32)
        self._sent: Scores = self._block
        self._chosen: list[int] = []
        self._to_sent: list[float] = []
        self._to_chosen: list[float] = []

    def add_sent(self, places: Sequence[int]) -> None:
        """Add papers that the reader got before; none may have been compared yet."""
        self._sent = np.concatenate([self._sent, self._sketches[places]])

    def choose(self, place: int) -> None:
        """Add a paper to the digest."""
        row = self._row(place)
        self._chosen.append(row)
        found = self._block @ self._block[row]
        self._to_chosen = np.maximum(self._to_chosen, found).tolist()

    def compare(self, places: Sequence[int]) -> None:
        """Compute the cosines of those that were not looked at yet in one product."""
        new = [place for place in places if place not in self._seen]
        if not new:
            return
        self._seen.update(zip(new, range(len(self._seen), len(self._seen) + len(new)), strict=True))
        block = self._sketches[new]
        self._to_sent += _largest(block, self._sent)
        self._to_chosen += _largest(block, self._block[self._chosen])
        self._block = np.concatenate([self._block, block])

    def to_chosen(self, place: int) -> float:
        """Return the largest cosine of a candidate with a paper of the digest."""
        return self._to_chosen[self._row(place)]

    def to_sent(self, place: int) -> float:
        """Return the largest cosine of a candidate with a paper that the reader got before."""
        return self._to_sent[self._row(place)]

    def _row(self, place: int) -> int:
        if place not in self._seen:
            self.compare([place])
        return self._seen[place]


def _largest(rows: Scores, others: Scores) -> list[float]:
    """Return for each row the largest product with the others; 0 where there are none."""
    if not len(others):
        return [0.0] * len(rows)
    found: list[float] = (rows @ others.T).max(axis=1).tolist()
    return found
