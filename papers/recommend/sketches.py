"""Short dense vectors whose products approximate cosines. Free of Django and of I/O."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from papers.recommend.tfidf import Matrix

Scores = NDArray[np.float32]

SKETCH_DIMENSIONS: Final = 512


def sketches_of(rows: Matrix) -> Scores:
    """Return rows x ``SKETCH_DIMENSIONS`` whose products are cosines with an error of about 0.04.

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
    return np.asarray(sketches / lengths, np.float32)
