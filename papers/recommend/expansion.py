"""Document expansion: add to every paper the terms of the papers nearest to it.

Two papers on one subject may share few words and still have the same neighbours. So a paper x
with nearest candidates n_i is represented as

    x + EXPANSION_WEIGHT * sum_i w_i * n_i,   w_i = cos(x, n_i)^NEIGHBOUR_POWER, scaled to sum to 1

(document expansion: Singhal and Pereira, SIGIR 1999). A liked paper takes only the
``EXPANSION_TERMS`` heaviest terms of each neighbour. A candidate takes all of them, at the price
of a few additions: by linearity its score becomes its own plus the weighted scores of its
neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from papers.recommend.tfidf import Matrix

Scores = NDArray[np.float32]
Columns = NDArray[np.int32]

NEIGHBOURS: Final = 8
"""Nearest candidates that expand a document."""
NEIGHBOUR_POWER: Final = 3
"""Exponent of the cosine in the weight of a neighbour."""
EXPANSION_WEIGHT: Final = np.float32(0.1)
"""Weight of the expansion beside the document's own terms."""
FEEDBACK_EXPANSION: Final = np.float32(5)
"""Factor of ``EXPANSION_WEIGHT`` between feedback documents."""
EXPANSION_EXCESS: Final = FEEDBACK_EXPANSION - 1
"""Share of the stored expansion to subtract where ``EXPANSION_WEIGHT`` counts once."""
EXPANSION_TERMS: Final = 10
"""Heaviest terms that a liked paper takes from each neighbour."""
BATCH_ROWS: Final = 128
"""Documents compared with all candidates in one product."""


class DocumentExpansion:
    """The nearest candidates of every document, and the documents' terms with the expansion.

    Attributes:
        places: Documents x ``NEIGHBOURS``, the places of the nearest candidates.
        weights: Documents x ``NEIGHBOURS``; each row sums to ``EXPANSION_WEIGHT``, or to 0.
        variance: For each document, the variance of its cosines with the candidates, unexpanded.
        squared_norms: For each document, the squared length of its row with
            ``FEEDBACK_EXPANSION``.
    """

    def __init__(
        self,
        rare: Matrix,
        frequent: Scores,
        candidate_count: int,
        products: Callable[[Matrix, Scores], Scores],
    ) -> None:
        """Find the neighbours and expand.

        Args:
            rare: Documents x rare terms, sparse; the candidates come first.
            frequent: Documents x frequent terms, dense.
            candidate_count: How many of the documents are candidates.
            products: Returns the products of such rows with the candidates, rows x candidates.
        """
        self.places, weights, self.variance = nearest_neighbours(
            rare.shape[0], candidate_count, lambda rows: products(rare[rows], frequent[rows])
        )
        self.weights = weights * EXPANSION_WEIGHT
        total, count = self.places.shape
        parts = (self.weights.ravel(), self.places.ravel(), np.arange(total + 1) * count)
        mixing: Matrix = sparse.csr_matrix(parts, (total, candidate_count))
        self._mixing_transposed: Matrix = mixing[:candidate_count].T.tocsr()
        heavy_rare, heavy_frequent = _heaviest_terms(
            rare[:candidate_count], frequent[:candidate_count]
        )
        added_rare, added_frequent = mixing @ heavy_rare, mixing @ heavy_frequent
        whole_rare = rare + FEEDBACK_EXPANSION * added_rare
        whole_frequent = frequent + FEEDBACK_EXPANSION * added_frequent
        # Below the expanded documents lie the expansions alone: row + len(places).
        self._rare: Matrix = sparse.vstack([whole_rare, added_rare], format="csr")
        self._frequent = np.concatenate([whole_frequent, added_frequent])
        squares = whole_rare.multiply(whole_rare).sum(axis=1)
        self.squared_norms: Scores = np.asarray(squares, np.float32).ravel() + (
            whole_frequent**2
        ).sum(axis=1)

    def heaviest_terms(self, rows: NDArray[np.intp]) -> tuple[Matrix, Scores]:
        """Return documents as they are, each with its ``EXPANSION_TERMS`` heaviest terms alone."""
        added = rows + len(self.places)
        rare = self._rare[rows] - FEEDBACK_EXPANSION * self._rare[added]
        frequent = self._frequent[rows] - FEEDBACK_EXPANSION * self._frequent[added]
        return _heaviest_terms(sparse.csr_matrix(rare), frequent)

    def expanded(self, rows: Sequence[int]) -> tuple[Matrix, Scores]:
        """Return the expanded rows of liked documents: rare terms, and frequent terms."""
        whole = np.asarray(rows, np.intp)
        added = whole + len(self.places)
        rare = self._rare[whole] - EXPANSION_EXCESS * self._rare[added]
        return rare, self._frequent[whole] - EXPANSION_EXCESS * self._frequent[added]

    def expanded_sum(self, rows: Sequence[int], shares: Scores) -> tuple[Columns, Scores, Scores]:
        """Return the weighted sum of expanded rows.

        Args:
            rows: The documents.
            shares: The weight of each.

        Returns:
            The columns of the rare terms in the sum, ascending; their weights; the weights of all
            frequent terms.
        """
        whole = np.asarray(rows, np.intp)
        both = np.concatenate([whole, whole + len(self.places)])
        weights = np.concatenate([shares, -EXPANSION_EXCESS * shares])
        found = sum_rows(self._rare, both, weights)
        return *found, np.asarray(weights @ self._frequent[both], np.float32)

    def similarity_among(self, rows: NDArray[np.intp]) -> Callable[[Scores], Scores]:
        """Return a function from weights of n documents to the n similarities to their sum."""
        rare, frequent = self._rare[rows], self._frequent[rows]
        transposed = rare.T
        return lambda weights: rare @ (transposed @ weights) + frequent @ (weights @ frequent)

    def mean(self) -> tuple[Matrix, Scores]:
        """Return the mean of the expanded candidates: 1 x rare terms, 1 x frequent terms."""
        count = self._mixing_transposed.shape[0]
        own = np.zeros(len(self.places), np.float32)
        own[:count] = 1 / max(1, count)
        weights = np.concatenate([own, -EXPANSION_EXCESS * own])
        rare = sparse.csr_matrix(weights @ self._rare)
        return rare, np.asarray([weights @ self._frequent], np.float32)

    def expand_scores(self, scores: Scores) -> Scores:
        """Return scores, rows x candidates, each with the weighted scores of the neighbours."""
        return np.asarray(scores + scores @ self._mixing_transposed, np.float32)

    def expand_scores_at(self, scores: Scores, places: NDArray[np.intp]) -> Scores:
        """Return the expanded scores of some candidates, from one row of all scores."""
        theirs = scores.take(self.places.take(places, axis=0))
        shares = np.einsum("ij,ij->i", theirs, self.weights.take(places, axis=0))
        return np.asarray(scores[places] + shares, np.float32)


class AddedExpansion:
    """The expansion of candidates with further documents, which are liked and no candidates.

    The rows of the added documents follow those of the base.
    """

    def __init__(
        self, base: DocumentExpansion, rare: Matrix, frequent: Scores, cosines: Scores
    ) -> None:
        """Expand the added documents by their nearest candidates.

        Args:
            base: The expansion of the candidates.
            rare: Added documents x rare terms.
            frequent: Added documents x frequent terms.
            cosines: Added documents x candidates.
        """
        self._base = base
        self._count = len(base.places)
        count = min(NEIGHBOURS, cosines.shape[1])
        near = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        weights = np.maximum(np.take_along_axis(cosines, near, axis=1), 0) ** NEIGHBOUR_POWER
        sums = weights.sum(axis=1, keepdims=True)
        sums[sums == 0] = 1
        shares = (weights / sums * EXPANSION_WEIGHT).astype(np.float32)
        parts = (shares.ravel(), np.arange(near.size), np.arange(len(near) + 1) * count)
        mixing: Matrix = sparse.csr_matrix(parts, (len(near), near.size))
        heavy_rare, heavy_frequent = base.heaviest_terms(near.ravel())
        self._rare: Matrix = sparse.csr_matrix(rare + mixing @ heavy_rare)
        self._frequent: Scores = frequent + mixing @ heavy_frequent

    def __getattr__(self, name: str) -> Any:
        """Return what concerns candidates alone from the base."""
        return getattr(self._base, name)

    def expanded(self, rows: Sequence[int]) -> tuple[Matrix, Scores]:
        """Return the expanded rows of liked documents: rare terms, and frequent terms."""
        is_added = np.asarray(rows, np.intp) >= self._count
        own = [row for row in rows if row < self._count]
        added = [row - self._count for row in rows if row >= self._count]
        rare, frequent = self._base.expanded(own)
        order = np.argsort(np.argsort(is_added, kind="stable"), kind="stable")
        both = sparse.vstack([rare, self._rare[added]], format="csr")
        return both[order], np.concatenate([frequent, self._frequent[added]])[order]

    def expanded_sum(self, rows: Sequence[int], shares: Scores) -> tuple[Columns, Scores, Scores]:
        """Return the weighted sum of expanded rows, as ``DocumentExpansion.expanded_sum`` does."""
        rare, frequent = self.expanded(rows)
        found = sum_rows(rare, np.arange(len(rows)), shares)
        return *found, np.asarray(shares @ frequent, np.float32)


def sum_rows(matrix: Matrix, rows: NDArray[np.intp], weights: Scores) -> tuple[Columns, Scores]:
    """Return the weighted sum of a few rows: its columns, ascending, and their values.

    A product of scipy's allocates every column first, which takes longer than the sum.
    """
    starts, ends = matrix.indptr[rows], matrix.indptr[rows + 1]
    lengths = ends - starts
    behind = lengths.cumsum()
    places = np.arange(behind[-1]) + np.repeat(ends - behind, lengths)
    columns = matrix.indices[places]
    values = matrix.data[places] * np.repeat(weights, lengths)
    order = np.argsort(columns)
    columns = columns[order]
    first = np.flatnonzero(np.diff(columns, prepend=-1))
    return columns[first], np.add.reduceat(values[order], first)


def nearest_neighbours(
    total: int, candidate_count: int, cosines: Callable[[slice], Scores]
) -> tuple[NDArray[np.int32], Scores, Scores]:
    """Return the nearest candidates of every document, other than itself.

    Args:
        total: The number of documents; the candidates come first.
        candidate_count: How many of them are candidates.
        cosines: Returns the cosines of some documents with all candidates, rows x candidates.

    Returns:
        Places and weights, each documents x neighbours, the weights of a row summing to one; and
        the variance of each document's cosines.
    """
    count = min(NEIGHBOURS, candidate_count)
    near = np.zeros((total, count), np.int32)
    weights = np.zeros((total, count), np.float32)
    variance = np.zeros(total, np.float32)
    for start in range(0, total if count else 0, BATCH_ROWS):
        rows = slice(start, min(start + BATCH_ROWS, total))
        found = cosines(rows)
        own = np.arange(start, min(rows.stop, candidate_count))
        found[own - start, own] = 0
        squares = np.einsum("ij,ij->i", found, found) / candidate_count
        variance[rows] = squares - (found.sum(axis=1) / candidate_count) ** 2
        near[rows] = np.argpartition(-found, count - 1, axis=1)[:, :count]
        closest = np.take_along_axis(found, near[rows], axis=1)
        weights[rows] = np.maximum(closest, 0) ** NEIGHBOUR_POWER
    sums = weights.sum(axis=1, keepdims=True)
    sums[sums == 0] = 1
    return near, weights / sums, variance


def _heaviest_terms(rare: Matrix, frequent: Scores) -> tuple[Matrix, Scores]:
    """Return the rows with only their ``EXPANSION_TERMS`` heaviest terms."""
    kept, thinned = np.zeros(rare.nnz, bool), frequent.copy()
    for row in range(rare.shape[0]):
        start, end = rare.indptr[row], rare.indptr[row + 1]
        both = np.concatenate([rare.data[start:end], frequent[row]])
        if len(both) > EXPANSION_TERMS:
            least = np.partition(both, -EXPANSION_TERMS)[-EXPANSION_TERMS]
            thinned[row][frequent[row] < least] = 0
            kept[start:end] = rare.data[start:end] >= least
        else:
            kept[start:end] = True
    starts = np.concatenate([[0], np.cumsum(kept)])[rare.indptr]
    return sparse.csr_matrix((rare.data[kept], rare.indices[kept], starts), rare.shape), thinned
