"""Text as weighted terms: stemmed words, pairs of words and runs of letters, in sparse rows.

A term's weight in a text is ``(1 + log count) * idf**2``; squaring the inverse document frequency
makes the rare words that name a method outweigh the phrases that every abstract shares. Runs of
four letters find the relatives that a stemmer keeps apart (``multimodal``, ``multi-modality``);
they count for half of a text's likeness to another but never appear in a reason.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from papers.words import Tokens, runs, stem

SHARES: Final = (1.0, 1.0, 1.5)
"""How much stems, pairs and runs count in the likeness of two texts that have all three."""

NOTHING: Final = -1
UNKNOWN: Final = -2

Matrix = sparse.csr_matrix
Numbers = NDArray[np.int64]


class Vocabulary:
    """The terms of a collection of texts, their weights, and how they are written.

    Built once from the collection; texts that come later use its terms and weights, and what it
    has never seen counts nothing. The first ``named`` columns are words and pairs of words, the
    others runs of letters.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._stems: dict[str, int] = {}
        self._runs: dict[str, int] = {}
        # Two stems side by side are one number, a pair: first * len(stems) + second.
        self._pairs: Numbers = np.empty(0, np.int64)
        tokens = Tokens(texts)
        counted = self._count(tokens, grow=True)
        self._idf = [_idf(part) for part in counted]
        self.matrix: Matrix = self._weigh(counted)
        self._surface = _surfaces(tokens)
        self._names = list(self._stems)
        self.named: int = len(self._stems) + len(self._pairs)

    def rows(self, texts: Iterable[str]) -> Matrix:
        """Texts x terms, each row of length one (or empty)."""
        return self._weigh(self._count(Tokens(texts), grow=False))

    def column(self, term: str) -> int | None:
        """Where a word or a pair (stems separated by one space) stands, if any text holds it."""
        places = [self._stems.get(part, -1) for part in term.split(" ")]
        if min(places) < 0:
            return None
        if len(places) == 1:
            return places[0]
        pair = places[0] * len(self._stems) + places[1]
        at = int(np.searchsorted(self._pairs, pair))
        found = at < len(self._pairs) and self._pairs[at] == pair
        return len(self._stems) + at if found else None

    def stems_of(self, column: int) -> list[str]:
        """The stem of a word's column, or both of a pair's."""
        if column < len(self._names):
            return [self._names[column]]
        first, second = divmod(int(self._pairs[column - len(self._names)]), len(self._names))
        return [self._names[first], self._names[second]]

    def written(self, stem: str) -> str:
        """A stem as the collection writes it most often."""
        return self._surface.get(stem, stem)

    def _count(self, tokens: Tokens, *, grow: bool) -> list[Matrix]:
        """How often each text has each stem, pair and run. Only to ``grow`` adds new ones."""
        stemmed = _numbered(map(stem, tokens.words), self._stems, grow=grow)[tokens.ids]
        meant = stemmed != NOTHING
        texts, stemmed = tokens.texts[meant], stemmed[meant]
        beside = (texts[1:] == texts[:-1]) & (stemmed[1:] >= 0) & (stemmed[:-1] >= 0)
        pairs = stemmed[:-1][beside] * len(self._stems) + stemmed[1:][beside]
        if grow:
            self._pairs = np.unique(pairs)
        at = np.minimum(np.searchsorted(self._pairs, pairs), max(0, len(self._pairs) - 1))
        known = self._pairs[at] == pairs if len(self._pairs) else np.zeros(len(pairs), bool)
        words = _tally(tokens.texts, tokens.ids, (tokens.count, len(tokens.words)))
        return [
            _tally(texts[stemmed >= 0], stemmed[stemmed >= 0], (tokens.count, len(self._stems))),
            _tally(texts[1:][beside][known], at[known], (tokens.count, len(self._pairs))),
            words @ self._runs_of(tokens.words, grow=grow),
        ]

    def _runs_of(self, words: Sequence[str], *, grow: bool) -> Matrix:
        """Words x runs, so that each word is taken apart once, however often it stands there."""
        rows, columns = array("i"), array("i")
        for row, word in enumerate(words):
            for column in _numbered(runs(word), self._runs, grow=grow).tolist():
                if column >= 0:
                    rows.append(row)
                    columns.append(column)
        return _tally(np.asarray(rows), np.asarray(columns), (len(words), len(self._runs)))

    def _weigh(self, counted: Sequence[Matrix]) -> Matrix:
        """The kinds side by side, each with its share, in rows of length one."""
        for counts, idf, share in zip(counted, self._idf, SHARES, strict=True):
            counts.data = (1 + np.log(counts.data)) * idf[counts.indices] ** 2
            unit(counts).data *= np.float32(np.sqrt(share))
        joined = unit(sparse.hstack(counted, format="csr", dtype=np.float32))
        joined.sort_indices()
        return joined


def _numbered(names: Iterable[str], numbers: dict[str, int], *, grow: bool) -> Numbers:
    """The number of each name; what is unknown is added or has none."""
    if grow:
        found = [numbers.setdefault(name, len(numbers)) if name else NOTHING for name in names]
    else:
        found = [numbers.get(name, UNKNOWN) if name else NOTHING for name in names]
    return np.array(found, np.int64)


def _tally(
    rows: NDArray[np.integer], columns: NDArray[np.integer], shape: tuple[int, int]
) -> Matrix:
    """How often each column stands in each row."""
    ones = np.ones(len(rows), np.float32)
    return sparse.coo_matrix((ones, (rows, columns)), shape).tocsr()


def _idf(counts: Matrix) -> NDArray[np.float32]:
    frequency = np.bincount(counts.indices, minlength=counts.shape[1])
    return np.log((1 + counts.shape[0]) / (1 + frequency)).astype(np.float32) + 1


def _surfaces(tokens: Tokens) -> dict[str, str]:
    """For each stem the word that it is written as most often."""
    often = np.bincount(tokens.ids, minlength=len(tokens.words))
    order = np.argsort(often, kind="stable").tolist()
    return {stem(word): word for word in (tokens.words[at] for at in order)}


def unit(rows: Matrix) -> Matrix:
    """The rows scaled, in place, to length one; an empty row stays empty."""
    squares = np.asarray(rows.multiply(rows).sum(axis=1), np.float32).ravel()
    rows.data /= np.repeat(np.sqrt(squares), np.diff(rows.indptr))
    return rows
