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

from papers.recommend.term_weights import Columns, Scores, TermWeights
from papers.recommend.tfidf import Matrix

NEIGHBOURS: Final = 8
"""Nearest candidates that expand a document."""
NEIGHBOUR_POWER: Final = 3
"""Exponent of the cosine in the weight of a neighbour."""
EXPANSION_WEIGHT: Final = np.float32(0.1)
"""Weight of the expansion beside the document's own terms."""
FEEDBACK_EXPANSION: Final = 5.0
"""Factor of ``EXPANSION_WEIGHT`` between feedback documents."""
EXPANSION_TERMS: Final = 10
"""Heaviest terms that a liked paper takes from each neighbour."""
BATCH_ROWS: Final = 128
"""Documents compared with all candidates in one product."""


class DocumentExpansion:
    """The nearest candidates of every document, and what they add to its terms.

    Attributes:
        places: Documents x ``NEIGHBOURS``, the places of the nearest candidates.
        weights: Documents x ``NEIGHBOURS``; each row sums to ``EXPANSION_WEIGHT``, or to 0.
        variance: For each document, the variance of its cosines with the candidates, unexpanded.
        squared_norms: For each document, the squared length of its row with
            ``FEEDBACK_EXPANSION``.
    """

    def __init__(self, terms: TermWeights, matrix: Matrix) -> None:
        """Find the neighbours of all documents.

        Args:
            terms: The stored terms of the documents.
            matrix: Their exact weights, as equal ones are kept or left out together.
        """
        self._terms = terms
        count = terms.candidate_count
        self.places, weights, self.variance = nearest_neighbours(
            terms.count, count, lambda rows: terms.products(terms.rare(rows), terms.frequent(rows))
        )
        self.weights = weights * EXPANSION_WEIGHT
        self._mixing_transposed: Matrix = self._mixing(slice(count)).T.tocsr()
        self._heavy_rare, self._heavy_frequent = _heaviest_terms(*terms.split(matrix[:count]))
        self.squared_norms = self._squared_norms()

    def _mixing(self, rows: NDArray[np.intp] | slice) -> Matrix:
        """Return the weights of the neighbours of some documents, rows x candidates."""
        weights, places = self.weights[rows], self.places[rows]
        starts = np.arange(len(places) + 1) * places.shape[1]
        parts = (weights.ravel(), places.ravel(), starts)
        return sparse.csr_matrix(parts, (len(places), self._terms.candidate_count))

    def heaviest_terms(self, places: NDArray[np.intp]) -> tuple[Matrix, Matrix]:
        """Return candidates with their ``EXPANSION_TERMS`` heaviest terms alone."""
        return self._heavy_rare[places], self._heavy_frequent[places]

    def expanded(
        self, rows: Sequence[int] | NDArray[np.intp], factor: float = 1.0
    ) -> tuple[Matrix, Scores]:
        """Return the expanded rows of documents: rare terms, and frequent terms.

        Args:
            rows: The documents.
            factor: Of ``EXPANSION_WEIGHT``.
        """
        whole = np.asarray(rows, np.intp)
        mixing = self._mixing(whole) * np.float32(factor)
        rare = self._terms.rare(whole) + mixing @ self._heavy_rare
        frequent = self._terms.frequent(whole) + (mixing @ self._heavy_frequent).toarray()
        return sparse.csr_matrix(rare), np.asarray(frequent, np.float32)

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
        added = self._heavy_rare[self.places[whole].ravel()]
        parts = sparse.vstack([self._terms.rare(whole), added], format="csr")
        weights = (shares[:, np.newaxis] * self.weights[whole]).ravel()
        columns, values = sum_rows(parts, np.concatenate([shares, weights]))
        frequent = shares @ self._terms.frequent(whole)
        frequent += (shares @ self._mixing(whole)) @ self._heavy_frequent
        return columns, values, np.asarray(frequent, np.float32)

    def similarity_among(self, rows: NDArray[np.intp]) -> Callable[[Scores], Scores]:
        """Return a function from weights of n documents to the n similarities to their sum.

        They are expanded ``FEEDBACK_EXPANSION`` times as much as elsewhere.
        """
        count = len(rows)
        shares = self.weights[rows] * np.float32(FEEDBACK_EXPANSION)
        added = self._heavy_rare[self.places[rows].ravel()]
        rare = sparse.vstack([self._terms.rare(rows), added], format="csr")
        transposed = rare.T
        mixing = self._mixing(rows) * np.float32(FEEDBACK_EXPANSION)
        frequent = self._terms.frequent(rows) + (mixing @ self._heavy_frequent).toarray()

        def similarity(weights: Scores) -> Scores:
            of_added = (weights[:, np.newaxis] * shares).ravel()
            products = rare @ (transposed @ np.concatenate([weights, of_added]))
            own = products[:count] + np.einsum(
                "ij,ij->i", products[count:].reshape(shares.shape), shares
            )
            return np.asarray(own + frequent @ (weights @ frequent), np.float32)

        return similarity

    def _squared_norms(self) -> Scores:
        found = np.zeros(self._terms.count, np.float32)
        for start in range(0, self._terms.count, BATCH_ROWS):
            rows = np.arange(start, min(start + BATCH_ROWS, self._terms.count))
            rare, frequent = self.expanded(rows, FEEDBACK_EXPANSION)
            found[rows] = rare.multiply(rare).sum(axis=1).A1 + (frequent**2).sum(axis=1)
        return found

    def mean(self) -> tuple[Matrix, Scores]:
        """Return the mean of the expanded candidates: 1 x rare terms, 1 x frequent terms."""
        count = self._terms.candidate_count
        rare, frequent = self._terms.mean()
        shares = np.asarray(self._mixing_transposed.sum(axis=1), np.float32).T / max(1, count)
        added = sparse.csr_matrix(shares)
        rare = rare + added @ self._heavy_rare
        return rare, np.asarray(frequent + (added @ self._heavy_frequent).toarray(), np.float32)

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
        self._frequent = np.asarray(frequent + (mixing @ heavy_frequent).toarray(), np.float32)

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
        found = sum_rows(rare, shares)
        return *found, np.asarray(shares @ frequent, np.float32)


def sum_rows(rows: Matrix, weights: Scores) -> tuple[Columns, Scores]:
    """Return the weighted sum of rows: its columns, ascending, and their values.

    A product of scipy's allocates every column first, which takes longer than the sum.
    """
    values = rows.data * np.repeat(weights, np.diff(rows.indptr))
    order = np.argsort(rows.indices)
    columns = rows.indices[order]
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


def _heaviest_terms(rare: Matrix, frequent: Scores) -> tuple[Matrix, Matrix]:
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
    heavy = sparse.csr_matrix((rare.data[kept], rare.indices[kept], starts), rare.shape)
    return heavy, sparse.csr_matrix(thinned)
