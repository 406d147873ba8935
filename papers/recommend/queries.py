"""Searches in plain words against the candidates, worked out together for many readers.

What takes time is the product with all candidates; it is made once for each different text of a
chunk of readers, and kept for the readers who ask for the same. Free of Django and of I/O.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from papers.recommend.similarity import Cosines, Likeness, Scores
from papers.recommend.tfidf import Matrix, Vocabulary

KEPT: Final = 1000
"""Searches kept for the next reader who asks the same: 20 kB each among 10,000 candidates."""

Encoder = Callable[[Sequence[str]], Scores]
"""Texts in, sentence vectors out: texts x dimensions."""


@dataclass(frozen=True, slots=True)
class Search:
    """One text: its words' columns and weights, and its cosines with every candidate.

    ``vector`` is its sentence vector, where there is an encoder. ``known`` says whether any
    candidate or like holds one of its terms.
    """

    columns: NDArray[np.int32]
    weights: Scores
    cosines: Cosines
    vector: Scores | None
    known: bool


class Searches:
    """The searches of a run. ``encode`` makes sentence vectors, where the extra is installed."""

    def __init__(
        self, vocabulary: Vocabulary, likeness: Likeness, encode: Encoder | None = None
    ) -> None:
        self.vocabulary = vocabulary
        self.likeness = likeness
        self.encode = encode
        self._postings: sparse.csc_matrix = vocabulary.matrix[
            : likeness.shown, : vocabulary.named
        ].tocsc()
        self._kept: OrderedDict[str, Search] = OrderedDict()

    def prepare(self, texts: Iterable[str]) -> None:
        """Work out together what ``of`` will be asked for."""
        missing = list(islice((t for t in dict.fromkeys(texts) if t not in self._kept), KEPT))
        if not missing:
            return
        rows = self.vocabulary.searches(missing)
        cosines = self.likeness.cosines(rows)
        vectors = self.encode(missing) if self.encode else [None] * len(missing)
        for at, (text, vector) in enumerate(zip(missing, vectors, strict=True)):
            columns, weights = named(rows, at, self.vocabulary.named)
            known = rows.indptr[at] < rows.indptr[at + 1]
            self._kept[text] = Search(columns, weights, cosines[at], vector, bool(known))
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    def of(self, text: str) -> Search:
        if text not in self._kept:
            self.prepare([text])
        self._kept.move_to_end(text)
        return self._kept[text]

    def scores(self, search: Search, dislikes: Sequence[int] = ()) -> Scores:
        """How well each candidate fits; minus infinity for those without a single one of its words.

        Who has the meaning of a text need not have its words. ``dislikes`` are the rows of
        documents that count against.
        """
        found = self.likeness.text_scores(search.cosines, search.vector, dislikes)
        if search.vector is None:
            strange = np.ones(len(found), bool)
            for column in search.columns:
                strange[self.holders(column)] = False
            found[strange] = -np.inf
        return found

    def holders(self, column: int) -> NDArray[np.int32]:
        """The places of the candidates with this word or pair."""
        start, end = self._postings.indptr[column], self._postings.indptr[column + 1]
        return self._postings.indices[start:end]


def named(matrix: Matrix, row: int, count: int) -> tuple[NDArray[np.int32], Scores]:
    """The columns and weights of a row's words and pairs, which are the first ``count`` columns."""
    start, end = matrix.indptr[row], matrix.indptr[row + 1]
    end = start + np.searchsorted(matrix.indices[start:end], count)
    return matrix.indices[start:end], matrix.data[start:end]
