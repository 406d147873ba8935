"""Text as weighted terms: stemmed words and pairs of words, in sparse rows of length one.

A term's weight in a text is ``(1 + log count) * idf**2``; squaring the inverse document frequency
makes the rare words that name a method outweigh the phrases that every abstract shares.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np
import snowballstemmer
from numpy.typing import NDArray
from scipy import sparse

WORD: Final = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
STOP_WORDS: Final = frozenset(
    re.findall(
        r"\S+",
        """
a about above after again against all also although am among an and any are as at be because
been before being below between both but by can cannot could did do does doing down during each
either et al few for from further had has have having he her here hers him his how however i if
in into is it it's its itself let me more most much must my nor not of off on once only or other
our ours out over own per same she should since so some such than that the their theirs them
then there these they this those through thus to too toward towards under until up upon us very
via was we were what when where whether which while who whom why will with within without would
yet you your based paper propose proposed show shows using use used uses new novel approach
method methods results state art recent work present introduce significantly demonstrate
existing achieve http https www com github available
""",
    )
)
_stem = snowballstemmer.stemmer("english").stemWord


@lru_cache(maxsize=200_000)
def stem(word: str) -> str:
    """The stem of one lower-case English word; an empty string for a word without meaning."""
    if word in STOP_WORDS or (len(word) == 1 and not word.isalpha()):
        return ""
    return str(_stem(word.removesuffix("'s")))


def stems(text: str) -> list[str]:
    """The stems of a text in their order, words without meaning left out."""
    return [found for word in WORD.findall(text.lower()) if (found := stem(word))]


def terms(text: str) -> list[str]:
    """The stems of a text, then its pairs of neighbouring stems."""
    single = stems(text)
    return single + [f"{a} {b}" for a, b in pairwise(single)]


class Vocabulary:
    """The terms of a collection of texts, their weights, and how they are written.

    Built once from the collection; texts that come later use its terms and weights, and what it
    has never seen counts nothing.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._columns: dict[str, int] = {}
        self._surface: dict[str, str] = {}
        counts = self._count([terms(text) for text in texts], grow=True)
        for text in texts:
            for word in WORD.findall(text.lower()):
                if word not in STOP_WORDS:
                    self._surface.setdefault(stem(word), word)
        frequency = np.bincount(counts.indices, minlength=len(self._columns))
        self.idf: NDArray[np.float32] = (
            np.log((1 + len(texts)) / (1 + frequency)).astype(np.float32) + 1
        )
        self.names: list[str] = list(self._columns)
        self.matrix: sparse.csr_matrix = self._weigh(counts)

    def rows(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """Texts x terms, each row of length one (or empty)."""
        return self._weigh(self._count([terms(text) for text in texts], grow=False))

    def column(self, term: str) -> int | None:
        """Where a term (stems separated by one space) stands, if any text holds it."""
        return self._columns.get(term)

    def written(self, column: int) -> str:
        """A term as a reader would write it."""
        return " ".join(self._surface.get(part, part) for part in self.names[column].split())

    def _count(self, lists: Iterable[list[str]], *, grow: bool) -> sparse.csr_matrix:
        columns, starts = self._columns, array("q", [0])
        indices, values = array("i"), array("f")
        for found in lists:
            for term, count in Counter(found).items():
                column = columns.setdefault(term, len(columns)) if grow else columns.get(term, -1)
                if column >= 0:
                    indices.append(column)
                    values.append(count)
            starts.append(len(indices))
        shape = (len(starts) - 1, len(columns))
        return sparse.csr_matrix(
            (np.asarray(values, np.float32), np.asarray(indices), np.asarray(starts)), shape
        )

    def _weigh(self, counts: sparse.csr_matrix) -> sparse.csr_matrix:
        weights = counts.copy()
        weights.data = (1 + np.log(weights.data)) * self.idf[weights.indices] ** 2
        return unit(weights)


def unit(rows: sparse.csr_matrix) -> sparse.csr_matrix:
    """The rows scaled to length one; an empty row stays empty."""
    lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    lengths[lengths == 0] = 1
    return sparse.csr_matrix(sparse.diags_array(1 / lengths) @ rows, dtype=np.float32)
