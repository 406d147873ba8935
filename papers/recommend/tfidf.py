"""Text as weighted terms, in sparse rows: what it is about, how it is worded, where its code lies.

A term's weight in a text is ``(1 + log count) * idf**1.5``: more than the usual first power, so
that the rare words that name a method outweigh the phrases that every abstract shares. There are
five kinds, each with a share in the likeness of two texts (``SHARES``):

- stems and pairs of stems: what a text is about, and what a reason names;
- runs of four letters: the relatives that a stemmer keeps apart (``multimodal``,
  ``multi-modality``);
- owners: whose repository or project page a text links to;
- phrases: two and three words as they stand, ``the`` and ``of`` included. Groups that work on one
  thing describe it in the same turns of phrase; the more words a text has, the more of them are
  phrases that mean something, so their share grows with the length.

In a mere list of words neither pairs nor phrases mean anything.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from papers.recommend.tokenize import LITTLE_WORDS, Tokens, owners, runs, stem

IDF_POWER: Final = np.float32(1.5)
SHARES: Final = {"stems": 1.0, "pairs": 1.0, "runs": 1.5, "owners": 0.7, "phrases": 4.0}
"""How much each kind of term counts in the likeness of two long texts that have all of them."""
NAMED: Final = frozenset({"stems", "pairs"})
ORDERED: Final = frozenset({"pairs", "phrases"})
LONG: Final = 200
"""Words from which phrases have their full share; below, it falls with the square of the length."""
LIST: Final = 10
"""So many words without a little one among them are a list, whose order means nothing."""
COMMON: Final = 0.1
"""Runs, phrases and owners in more than this share of the texts say nothing and cost most."""
MANY: Final = 10
"""So many texts are never a share too large."""
NOTHING: Final = -1
UNKNOWN: Final = -2
WORD_BITS: Final = 21
"""Room for the number of a word in the number of a phrase."""

Matrix = sparse.csr_matrix
Numbers = NDArray[np.int64]


class Vocabulary:
    """The terms of a collection of texts, and their weights.

    Built once from the collection; texts that come later use its terms and weights, and what it
    has never seen counts nothing. The first ``named`` columns are words and pairs of words.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._words: dict[str, int] = {}
        self._stems: dict[str, int] = {}
        self._runs: dict[str, int] = {}
        self._owners: dict[str, int] = {}
        # Two stems side by side are one number, a pair: first * len(stems) + second.
        self._pairs: Numbers = np.empty(0, np.int64)
        # So are two or three words, a phrase: WORD_BITS for each, the last one lowest.
        self._phrases: Numbers = np.empty(0, np.int64)
        self._kept: dict[str, NDArray[np.intp]] = {}
        self._idf: dict[str, NDArray[np.float32]] = {}
        tokens = Tokens(texts)
        counted = self._count(texts, tokens, grow=True)
        for kind, counts in counted.items():
            self._kept[kind], self._idf[kind] = _idf(counts, every=kind in NAMED)
        self.matrix: Matrix = self._weigh(counted, tokens)
        self._names = list(self._stems)
        self.named: int = len(self._stems) + len(self._pairs)

    def rows(self, texts: Sequence[str]) -> Matrix:
        """Texts x terms, each row of length one (or empty)."""
        tokens = Tokens(texts)
        return self._weigh(self._count(texts, tokens, grow=False), tokens)

    def _count(self, texts: Sequence[str], tokens: Tokens, *, grow: bool) -> dict[str, Matrix]:
        """How often each text has each term of a kind. Only to ``grow`` adds new ones."""
        stemmed = _numbered(map(stem, tokens.words), self._stems, grow=grow)[tokens.ids]
        meant, known = stemmed != NOTHING, stemmed >= 0
        words = _tally(tokens.texts, tokens.ids, (tokens.count, len(tokens.words)))
        return {
            "stems": _tally(tokens.texts[known], stemmed[known], (tokens.count, len(self._stems))),
            "pairs": self._count_pairs(tokens.texts[meant], stemmed[meant], tokens.count, grow),
            "runs": words @ self._lists(map(runs, tokens.words), self._runs, grow),
            "owners": self._lists(map(owners, texts), self._owners, grow),
            "phrases": self._count_phrases(tokens, grow),
        }

    def _count_pairs(
        self, texts: NDArray[np.int32], stemmed: Numbers, count: int, grow: bool
    ) -> Matrix:
        beside = (texts[1:] == texts[:-1]) & (stemmed[1:] >= 0) & (stemmed[:-1] >= 0)
        pairs = stemmed[:-1][beside] * len(self._stems) + stemmed[1:][beside]
        if grow:
            self._pairs = np.unique(pairs)
        return _tally_sorted(texts[1:][beside], pairs, count, self._pairs)

    def _count_phrases(self, tokens: Tokens, grow: bool) -> Matrix:
        numbers = _numbered(tokens.words, self._words, grow=grow)
        # Nobody has more words than that, so that it stands for the unknown ones.
        numbers[numbers < 0] = (1 << WORD_BITS) - 2
        ids, texts = numbers[tokens.ids] + 1, tokens.texts
        two = ids[:-1] << WORD_BITS | ids[1:]
        three = two[:-1] << WORD_BITS | ids[2:]
        pair, triple = texts[1:] == texts[:-1], texts[2:] == texts[:-2]
        phrases = np.concatenate([two[pair], three[triple]])
        if grow:
            self._phrases = np.unique(phrases)
        rows = np.concatenate([texts[1:][pair], texts[2:][triple]])
        return _tally_sorted(rows, phrases, tokens.count, self._phrases)

    def _lists(self, lists: Iterable[Sequence[str]], numbers: dict[str, int], grow: bool) -> Matrix:
        """How often each list has each name."""
        rows, columns, count = array("i"), array("i"), 0
        for count, names in enumerate(lists, start=1):
            for column in _numbered(names, numbers, grow=grow).tolist():
                if column >= 0:
                    rows.append(count - 1)
                    columns.append(column)
        return _tally(np.asarray(rows), np.asarray(columns), (count, len(numbers)))

    def _weigh(self, counted: dict[str, Matrix], tokens: Tokens) -> Matrix:
        """The kinds side by side, each with its share, in rows of length one."""
        parts = []
        for kind, counts in counted.items():
            part = counts[:, self._kept[kind]]
            part.data = (1 + np.log(part.data)) * self._idf[kind][part.indices] ** IDF_POWER
            shares = SHARES[kind] * _part_of(kind, tokens)
            unit(part).data *= np.repeat(np.sqrt(shares), np.diff(part.indptr))
            parts.append(part)
        joined = unit(sparse.hstack(parts, format="csr", dtype=np.float32))
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


def _tally_sorted(rows: NDArray[np.integer], values: Numbers, count: int, known: Numbers) -> Matrix:
    """How often each of the known values, which are sorted, stands in each row."""
    at = np.searchsorted(known, values)
    inside = at < len(known)
    inside[inside] = known[at[inside]] == values[inside]
    return _tally(rows[inside], at[inside], (count, len(known)))


def _idf(counts: Matrix, *, every: bool) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """The columns that stay, and their idf: every one, or those of several texts, yet not many."""
    frequency = np.bincount(counts.indices, minlength=counts.shape[1])
    most = max(MANY, COMMON * counts.shape[0])
    kept = np.flatnonzero(every | ((frequency > 1) & (frequency <= most)))
    idf = np.log((1 + counts.shape[0]) / (1 + frequency[kept])) + 1
    return kept, idf.astype(np.float32)


def _part_of(kind: str, tokens: Tokens) -> NDArray[np.float32]:
    """How much of its share a kind has in each text: order and length say how much it means."""
    lengths = np.bincount(tokens.texts, minlength=tokens.count)
    part = np.ones(tokens.count, np.float32)
    if kind == "phrases":
        part *= np.minimum(1, lengths / LONG) ** 2
    if kind in ORDERED:
        little = np.array([word in LITTLE_WORDS for word in tokens.words], bool)[tokens.ids]
        sentences = np.bincount(tokens.texts[little], minlength=tokens.count) > 0
        part *= sentences | (lengths < LIST)
    return part


def unit(rows: Matrix) -> Matrix:
    """The rows scaled, in place, to length one; an empty row stays empty."""
    squares = np.asarray(rows.multiply(rows).sum(axis=1), np.float32).ravel()
    rows.data /= np.repeat(np.sqrt(squares), np.diff(rows.indptr))
    return rows
