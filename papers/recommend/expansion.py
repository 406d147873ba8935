"""What the papers nearest to a paper lend it.

Two papers on one subject may share few words and still have the same neighbours. So a paper x
counts as ``x + LENT * (mean of its neighbours)``, the nearer ones weighing more (document
expansion: Singhal and Pereira, 1999). As a liked paper it takes the heaviest terms of its
neighbours only, which is nearly as good; as a candidate all of them, at the price of a few
additions: its neighbours' scores are at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from papers.recommend.tfidf import Matrix

Scores = NDArray[np.float32]
Columns = NDArray[np.int32]

NEIGHBOURS: Final = 8
SHARPNESS: Final = 3
"""A neighbour weighs its cosine to this power."""
LENT: Final = np.float32(0.1)
AMONG: Final = np.float32(5)
"""Among the best candidates what is lent counts so many times as much."""
LESS: Final = AMONG - 1
"""What is taken off again where it counts once."""
HEAVIEST: Final = 10
"""Terms that a paper lends to a liked one."""
AT_ONCE: Final = 128


class Neighbours:
    """The nearest candidates of every document, candidates first.

    ``rare`` and ``dense`` are the documents' terms in two parts; ``products`` compares such rows
    with the candidates. ``places`` and ``weights`` are documents x neighbours, each row of weights
    with a sum of ``LENT``. ``variance`` is that of each document's cosines with the
    candidates before anything is lent.
    """

    def __init__(
        self,
        rare: Matrix,
        dense: Scores,
        shown: int,
        products: Callable[[Matrix, Scores], Scores],
    ) -> None:
        self.places, weights, self.variance = nearest(
            rare.shape[0], shown, lambda rows: products(rare[rows], dense[rows])
        )
        self.weights = weights * LENT
        total, count = self.places.shape
        parts = (self.weights.ravel(), self.places.ravel(), np.arange(total + 1) * count)
        borrowed: Matrix = sparse.csr_matrix(parts, (total, shown))
        self._turned: Matrix = borrowed[:shown].T.tocsr()
        heavy_rare, heavy_dense = _heaviest(rare[:shown], dense[:shown])
        lent_rare, lent_dense = borrowed @ heavy_rare, borrowed @ heavy_dense
        whole_rare, whole_dense = rare + AMONG * lent_rare, dense + AMONG * lent_dense
        self._rare: Matrix = sparse.vstack([whole_rare, lent_rare], format="csr")
        self._dense = np.concatenate([whole_dense, lent_dense])
        squares = whole_rare.multiply(whole_rare).sum(axis=1)
        self.own: Scores = np.asarray(squares, np.float32).ravel() + (whole_dense**2).sum(axis=1)

    def lent(self, rows: Sequence[int]) -> tuple[Matrix, Scores]:
        """Each liked document with what it is lent, its terms in two parts."""
        whole = np.asarray(rows, np.intp)
        lent = whole + len(self.places)
        rare = self._rare[whole] - LESS * self._rare[lent]
        return rare, self._dense[whole] - LESS * self._dense[lent]

    def together(self, rows: Sequence[int], shares: Scores) -> tuple[Columns, Scores, Scores]:
        """The sum of the same, by the share of each: rare columns, their weights, and the dense."""
        whole = np.asarray(rows, np.intp)
        both = np.concatenate([whole, whole + len(self.places)])
        weights = np.concatenate([shares, -LESS * shares])
        found = summed(self._rare, both, weights)
        return *found, np.asarray(weights @ self._dense[both], np.float32)

    def among(self, rows: NDArray[np.intp]) -> Callable[[Scores], Scores]:
        """For what each of some documents counts: how alike each is to all of them together."""
        rare, dense = self._rare[rows], self._dense[rows]
        turned = rare.T
        return lambda voices: rare @ (turned @ voices) + dense @ (voices @ dense)

    def mean(self) -> tuple[Matrix, Scores]:
        """The mean of all candidates with what they are lent, in two parts."""
        shown = self._turned.shape[0]
        own = np.zeros(len(self.places), np.float32)
        own[:shown] = 1 / max(1, shown)
        weights = np.concatenate([own, -LESS * own])
        rare = sparse.csr_matrix(weights @ self._rare)
        return rare, np.asarray([weights @ self._dense], np.float32)

    def spread(self, scores: Scores) -> Scores:
        """Rows x candidates: each candidate with a share of its neighbours' scores."""
        return np.asarray(scores + scores @ self._turned, np.float32)

    def at(self, scores: Scores, places: NDArray[np.intp]) -> Scores:
        """The same for a few candidates and one row."""
        theirs = scores.take(self.places.take(places, axis=0))
        shares = np.einsum("ij,ij->i", theirs, self.weights.take(places, axis=0))
        return np.asarray(scores[places] + shares, np.float32)


def summed(matrix: Matrix, rows: NDArray[np.intp], weights: Scores) -> tuple[Columns, Scores]:
    """The weighted sum of a few rows: the columns that are in it, rising, and their values.

    A product of scipy's makes room for every column first, which takes longer than the sum.
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


def nearest(
    total: int, shown: int, cosines: Callable[[slice], Scores]
) -> tuple[NDArray[np.int32], Scores, Scores]:
    """The nearest candidates of every document: their places and weights, whose sums are one.

    ``total`` documents, the first ``shown`` of them candidates; ``cosines`` compares some of the
    documents with all candidates. The third answer is the variance of each document's cosines.
    """
    count = min(NEIGHBOURS, shown)
    near = np.zeros((total, count), np.int32)
    weights = np.zeros((total, count), np.float32)
    variance = np.zeros(total, np.float32)
    for start in range(0, total if count else 0, AT_ONCE):
        rows = slice(start, min(start + AT_ONCE, total))
        found = cosines(rows)
        own = np.arange(start, min(rows.stop, shown))
        found[own - start, own] = 0
        squares = np.einsum("ij,ij->i", found, found) / shown
        variance[rows] = squares - (found.sum(axis=1) / shown) ** 2
        near[rows] = np.argpartition(-found, count - 1, axis=1)[:, :count]
        closest = np.take_along_axis(found, near[rows], axis=1)
        weights[rows] = np.maximum(closest, 0) ** SHARPNESS
    whole = weights.sum(axis=1, keepdims=True)
    whole[whole == 0] = 1
    return near, weights / whole, variance


def _heaviest(rare: Matrix, dense: Scores) -> tuple[Matrix, Scores]:
    """The rows with their heaviest terms only."""
    kept, thinned = np.zeros(rare.nnz, bool), dense.copy()
    for row in range(rare.shape[0]):
        start, end = rare.indptr[row], rare.indptr[row + 1]
        both = np.concatenate([rare.data[start:end], dense[row]])
        if len(both) > HEAVIEST:
            least = np.partition(both, -HEAVIEST)[-HEAVIEST]
            thinned[row][dense[row] < least] = 0
            kept[start:end] = rare.data[start:end] >= least
        else:
            kept[start:end] = True
    starts = np.concatenate([[0], np.cumsum(kept)])[rare.indptr]
    return sparse.csr_matrix((rare.data[kept], rare.indices[kept], starts), rare.shape), thinned
