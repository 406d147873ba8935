"""Short dense vectors whose products approximate cosines. Free of Django and of I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from papers.recommend.tfidf import Matrix

Scores = NDArray[np.float32]

SKETCH_DIMENSIONS: Final = 512
STEPS: Final = 127


class Sketches:
    """Short vectors of length one, stored in bytes.

    A number is stored as the nearest of the steps up to the largest of its vector; that adds less
    than 0.002 to the error of a product.
    """

    def __init__(self, vectors: Scores) -> None:
        largest = np.abs(vectors).max(axis=1, keepdims=True, initial=0)
        largest[largest == 0] = 1
        self._step: Scores = largest / np.float32(STEPS)
        self._steps = np.rint(vectors / self._step).astype(np.int8)

    def __getitem__(self, rows: int | Sequence[int]) -> Scores:
        """Return the vector of one row, or those of several, rows x dimensions."""
        return np.asarray(self._steps[rows] * self._step[rows], np.float32)


def sketches_of(rows: Matrix) -> Sketches:
    """Return ``SKETCH_DIMENSIONS`` numbers a row, whose products are cosines up to some 0.04.

    Every term is added to, or subtracted from, one random dimension (count sketch: Charikar, Chen
    and Farach-Colton, 2002). That is precise enough to find papers that are near duplicates.
    """
    generator = np.random.default_rng(1)
    terms = rows.shape[1]
    signs = generator.choice([-1, 1], terms).astype(np.float32)
    parts = (signs, generator.integers(0, SKETCH_DIMENSIONS, terms), np.arange(terms + 1))
    sketches = (rows @ sparse.csr_matrix(parts, (terms, SKETCH_DIMENSIONS))).toarray()
    lengths = np.linalg.norm(sketches, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    return Sketches(np.asarray(sketches / lengths, np.float32))
