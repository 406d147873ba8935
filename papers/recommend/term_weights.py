"""The terms of all documents, to be read by document and by term.

A weight is a byte: the nearest of 256 steps between zero and the largest weight of its term.
Free of Django and of I/O.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from papers.recommend.gap_coded_rows import GapCodedRows, Rows
from papers.recommend.tfidf import Matrix

Scores = NDArray[np.float32]
Columns = NDArray[np.int32]

STEPS: Final = 255
FREQUENT_SHARE: Final = 0.1
"""Terms in more than this share of the documents are stored in dense columns: they make most of a
sparse product's work, and a dense product does the same in a fraction of the time."""

PORTION: Final = 512
"""Documents whose weights are read at once."""


class TermWeights:
    """Documents x terms, the candidates first, in two parts: rare terms, and frequent terms.

    Attributes:
        count: The number of documents.
        candidate_count: How many of them are candidates.
        mean_terms: The mean number of terms of a document.
        frequent_columns: The columns of the frequent terms, ascending.
    """

    def __init__(self, matrix: Matrix, candidate_count: int) -> None:
        """Store the weights.

        Args:
            matrix: Documents x terms, no weight below zero.
            candidate_count: How many of the documents, from the first, are candidates.
        """
        self.count, terms = matrix.shape
        self.candidate_count = candidate_count
        self.mean_terms: int = matrix.nnz // max(1, self.count)
        frequency = np.bincount(matrix.indices, minlength=terms)
        self.frequent_columns = np.flatnonzero(frequency > FREQUENT_SHARE * max(1, self.count))
        largest = np.zeros(terms, np.float32)
        np.maximum.at(largest, matrix.indices, matrix.data)
        largest[largest == 0] = 1
        self._step: Scores = largest / np.float32(STEPS)
        steps = np.rint(matrix.data / self._step[matrix.indices]).astype(np.uint8)
        stored = sparse.csr_matrix((steps, matrix.indices, matrix.indptr), matrix.shape)
        self._frequent: NDArray[np.uint8] = stored[:, self.frequent_columns].toarray()
        self._frequent_step = self._step[self.frequent_columns]
        rare = without_columns(stored, self.frequent_columns)
        self._rare = GapCodedRows(rare)
        self._postings: Matrix = rare[:candidate_count].T.tocsr()

    def rare(self, rows: Rows) -> Matrix:
        """Return the weights of the rare terms of some documents, sparse."""
        found = self._rare[rows].astype(np.float32)
        found.data *= self._step[found.indices]
        return found

    def frequent(self, rows: Rows) -> Scores:
        """Return the weights of the frequent terms of some documents."""
        return self._frequent[rows] * self._frequent_step

    def split(self, rows: Matrix) -> tuple[Matrix, Scores]:
        """Return the rare and the frequent terms of other documents."""
        frequent: Scores = rows[:, self.frequent_columns].toarray()
        return without_columns(rows, self.frequent_columns), frequent

    def products(self, rare: Matrix, frequent: Scores) -> Scores:
        """Return the products of rows with the candidates, rows x candidates."""
        found = (frequent * self._frequent_step) @ self._candidates_frequent().T
        weights = rare.data * self._step[rare.indices]
        # Row by row, as scipy's product of two sparse matrices takes twice as long.
        for row, (start, end) in enumerate(pairwise(rare.indptr.tolist())):
            found[row] += self._postings[rare.indices[start:end]].T @ weights[start:end]
        return np.asarray(found, np.float32)

    def products_of(self, columns: Columns, weights: Scores, frequent: Scores) -> Scores:
        """Return the products of one row with the candidates.

        Args:
            columns: The columns of its rare terms.
            weights: Their weights.
            frequent: The weights of the frequent terms.
        """
        found = self._postings[columns].T @ (weights * self._step[columns])
        scaled = frequent * self._frequent_step
        # In portions that fit the processor's cache.
        for start in range(0, self.candidate_count if frequent.size else 0, PORTION):
            rows = slice(start, min(start + PORTION, self.candidate_count))
            found[rows] += self._frequent[rows].astype(np.float32) @ scaled
        return np.asarray(found, np.float32)

    def mean(self) -> tuple[Matrix, Scores]:
        """Return the mean of the candidates: 1 x rare terms, 1 x frequent terms."""
        share = 1 / max(1, self.candidate_count)
        rare = np.asarray(self._postings.sum(axis=1), np.float32).ravel() * self._step * share
        frequent = self._frequent[: self.candidate_count].sum(axis=0) * self._frequent_step * share
        return sparse.csr_matrix(rare), frequent.astype(np.float32)[np.newaxis]

    def _candidates_frequent(self) -> Scores:
        return self._frequent[: self.candidate_count].astype(np.float32)


def without_columns(rows: Matrix, columns: NDArray[np.intp]) -> Matrix:
    """Return the rows without the entries of some columns, and without zeros."""
    kept = rows.copy()
    kept.data[np.isin(kept.indices, columns)] = 0
    kept.eliminate_zeros()
    return kept
