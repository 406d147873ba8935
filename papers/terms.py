"""Text as weighted terms: stemmed words, pairs of words and runs of letters, in sparse rows.

A term's weight in a text is ``(1 + log count) * idf**2``; squaring the inverse document frequency
makes the rare words that name a method outweigh the phrases that every abstract shares. Runs of
four letters find the relatives that a stemmer keeps apart (``multimodal``, ``multi-modality``);
they count for half of a text's likeness to another but never appear in a reason.
"""

from __future__ import annotations

import re
import unicodedata
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
ACCENT: Final = re.compile(r"[\u0300-\u036f]")
RUN_LENGTH: Final = 4
SHARES: Final = {"stems": 1.0, "pairs": 1.0, "runs": 1.5}
"""How much each kind of term counts in the likeness of two texts that have all three."""
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

Matrix = sparse.csr_matrix


@lru_cache(maxsize=200_000)
def stem(word: str) -> str:
    """The stem of one lower-case English word; an empty string for a word without meaning."""
    if word in STOP_WORDS or (len(word) == 1 and not word.isalpha()):
        return ""
    return str(_stem(word.removesuffix("'s")))


@lru_cache(maxsize=200_000)
def runs(word: str) -> tuple[str, ...]:
    """The runs of four characters in one word, its beginning and end marked by a space."""
    marked = f" {word} "
    return tuple(marked[at : at + RUN_LENGTH] for at in range(len(marked) - RUN_LENGTH + 1))


def words(text: str) -> list[str]:
    """The words of a text in lower case and without accents, in their order."""
    plain = text.lower()
    if not plain.isascii():
        plain = ACCENT.sub("", unicodedata.normalize("NFKD", plain))
    return WORD.findall(plain)


def stems(text: str) -> list[str]:
    """The stems of a text in their order, words without meaning left out."""
    return [found for word in words(text) if (found := stem(word))]


class Terms:
    """One kind of term: its columns, numbered as they are met, and their idf."""

    def __init__(self) -> None:
        self.columns: dict[str, int] = {}
        self.idf: NDArray[np.float32] = np.empty(0, np.float32)

    def learn(self, counted: Iterable[Counter[str]]) -> Matrix:
        """Texts x terms: fix the columns and weights by these texts, and weigh them."""
        counts = self._matrix(counted, grow=True)
        frequency = np.bincount(counts.indices, minlength=len(self.columns))
        self.idf = np.log((1 + counts.shape[0]) / (1 + frequency)).astype(np.float32) + 1
        return self._weigh(counts)

    def rows(self, counted: Iterable[Counter[str]]) -> Matrix:
        """Texts x terms for texts that come later; what was never met counts nothing."""
        return self._weigh(self._matrix(counted, grow=False))

    def _matrix(self, counted: Iterable[Counter[str]], *, grow: bool) -> Matrix:
        columns, starts = self.columns, array("q", [0])
        indices, values = array("i"), array("f")
        for found in counted:
            for term, count in found.items():
                column = columns.setdefault(term, len(columns)) if grow else columns.get(term, -1)
                if column >= 0:
                    indices.append(column)
                    values.append(count)
            starts.append(len(indices))
        shape = (len(starts) - 1, len(columns))
        parts = (np.asarray(values, np.float32), np.asarray(indices), np.asarray(starts))
        return sparse.csr_matrix(parts, shape)

    def _weigh(self, counts: Matrix) -> Matrix:
        counts.data = (1 + np.log(counts.data)) * self.idf[counts.indices] ** 2
        return unit(counts)


class Vocabulary:
    """The terms of a collection of texts, their weights, and how they are written.

    Built once from the collection; texts that come later use its terms and weights, and what it
    has never seen counts nothing. The first ``named`` columns are words and pairs of words, the
    others runs of letters.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._kinds = {kind: Terms() for kind in SHARES}
        self._surface: dict[str, str] = {}
        tokens = [words(text) for text in texts]
        for found in tokens:
            for word in found:
                if word not in STOP_WORDS:
                    self._surface.setdefault(stem(word), word)
        parts = [terms.learn(_count(kind, tokens)) for kind, terms in self._kinds.items()]
        self.matrix: Matrix = _join(parts)
        stemmed, paired = self._kinds["stems"].columns, self._kinds["pairs"].columns
        self.named: int = len(stemmed) + len(paired)
        self.names: list[str] = [*stemmed, *paired]

    def rows(self, texts: Sequence[str]) -> Matrix:
        """Texts x terms, each row of length one (or empty)."""
        tokens = [words(text) for text in texts]
        return _join([terms.rows(_count(kind, tokens)) for kind, terms in self._kinds.items()])

    def column(self, term: str) -> int | None:
        """Where a word or a pair (stems separated by one space) stands, if any text holds it."""
        kind, before = ("stems", 0) if " " not in term else ("pairs", self._count_of("stems"))
        place = self._kinds[kind].columns.get(term)
        return None if place is None else before + place

    def written(self, column: int) -> str:
        """A word or pair as a reader would write it."""
        return " ".join(self._surface.get(part, part) for part in self.names[column].split())

    def _count_of(self, kind: str) -> int:
        return len(self._kinds[kind].columns)


def _count(kind: str, tokens: Iterable[list[str]]) -> Iterable[Counter[str]]:
    for found in tokens:
        if kind == "runs":
            yield Counter(run for word in found for run in runs(word))
            continue
        single = [known for word in found if (known := stem(word))]
        if kind == "stems":
            yield Counter(single)
        else:
            yield Counter(f"{a} {b}" for a, b in pairwise(single))


def _join(parts: Sequence[Matrix]) -> Matrix:
    """The kinds side by side, each with its share, in rows of length one."""
    shares = np.sqrt(np.array([*SHARES.values()], np.float32))
    shared = [part * share for part, share in zip(parts, shares, strict=True)]
    joined = unit(sparse.hstack(shared, format="csr", dtype=np.float32))
    joined.sort_indices()
    return joined


def unit(rows: Matrix) -> Matrix:
    """The rows scaled, in place, to length one; an empty row stays empty."""
    squares = np.asarray(rows.multiply(rows).sum(axis=1), np.float32).ravel()
    rows.data /= np.repeat(np.sqrt(squares), np.diff(rows.indptr))
    return rows
