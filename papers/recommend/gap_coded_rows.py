"""Sparse rows in three bytes an entry, for large matrices of which few rows are read at once.

A column is stored as the gap to the one before it, as search engines store postings (Manning,
Raghavan and Schuetze, Introduction to Information Retrieval, 2008, section 5.3). Free of Django
and of I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from papers.recommend.tfidf import Matrix

LARGEST_GAP: Final = 65535
"""A larger gap is divided by entries that are zero."""

Rows = Sequence[int] | NDArray[np.integer] | slice


class GapCodedRows:
    """Sparse rows of bytes, whose columns are stored as gaps of two bytes."""

    def __init__(self, rows: Matrix) -> None:
        """Store the rows, whose columns must be ascending, in bytes."""
        self._shape = rows.shape
        gaps = np.diff(rows.indices.astype(np.int64), prepend=0)
        starts = rows.indptr[:-1][np.diff(rows.indptr) > 0]
        gaps[starts] = rows.indices[starts]
        parts = np.maximum(gaps - 1, 0) // LARGEST_GAP
        shift = np.concatenate([[0], np.cumsum(parts)])
        places = np.arange(len(gaps)) + shift[1:]
        self._ends = rows.indptr + shift[rows.indptr]
        self._gaps = np.full(self._ends[-1], LARGEST_GAP, np.uint16)
        self._gaps[places] = gaps - parts * LARGEST_GAP
        self._steps = np.zeros(self._ends[-1], np.uint8)
        self._steps[places] = rows.data

    def __getitem__(self, rows: Rows) -> Matrix:
        """Return some rows, in bytes."""
        which = np.arange(self._shape[0])[rows]
        starts, ends = self._ends[which], self._ends[which + 1]
        bounds = np.concatenate([[0], np.cumsum(ends - starts)])
        places = np.arange(bounds[-1]) + np.repeat(starts - bounds[:-1], ends - starts)
        summed = np.concatenate([[0], np.cumsum(self._gaps[places], dtype=np.int64)])
        columns = summed[1:] - np.repeat(summed[bounds[:-1]], ends - starts)
        found = (self._steps[places], columns.astype(np.int32), bounds.astype(np.int32))
        return sparse.csr_matrix(found, (len(which), self._shape[1]))
