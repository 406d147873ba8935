"""Texts as sparse rows of tf-idf weights (Salton and Buckley, 1988) over five kinds of terms.

A term's weight in a text is ``(1 + log count) * idf ** IDF_POWER``: the power above one lets the
rare words that name a method outweigh the phrases that every abstract shares. Each kind of terms is
a unit row of its own, joined with the square root of its weight (``KIND_WEIGHTS``), so that the
weights apply to the cosine:

- stems, and pairs of adjacent stems;
- character n-grams of four, for related words with different stems (``multimodal``,
  ``multi-modality``);
- owners of the repositories and project pages that a text links to;
- phrases: two and three adjacent words, unstemmed, with function words. Authors who work on one
  subject use the same phrases. Their weight grows with the length of the text.

Pairs and phrases do not count in a list of words, whose order is arbitrary.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from papers.recommend.tokenize import FUNCTION_WORDS, Tokens, character_ngrams, owners, stem

IDF_POWER: Final = np.float32(1.5)
"""Exponent of the idf in the weight of a term."""
KIND_WEIGHTS: Final = {"stems": 1.0, "pairs": 1.0, "ngrams": 1.5, "owners": 0.7, "phrases": 4.0}
"""Weight of each kind of terms in the cosine of two long texts that have all of them."""
STEM_KINDS: Final = frozenset({"stems", "pairs"})
"""Kinds of which every term is kept, however rare or frequent."""
ORDER_KINDS: Final = frozenset({"pairs", "phrases"})
"""Kinds that depend on the order of the words."""
FULL_PHRASE_WORDS: Final = 200
"""Words from which phrases have their full weight; below it falls with the squared length."""
LEAST_PROSE_WORDS: Final = 10
"""Words without a function word among them that are a list instead of prose."""
MOST_FREQUENCY: Final = 0.1
"""N-grams, phrases and owners in more than this share of the texts are left out, unless in"""
RARE_TEXTS: Final = 10
"""no more texts than that."""
STOP_WORD: Final = -1
"""The number of a word without a stem,"""
UNKNOWN: Final = -2
"""and of a term that the vocabulary does not hold."""
WORD_BITS: Final = 21
"""Bits of a word's number in the number of a phrase."""

Matrix = sparse.csr_matrix
Numbers = NDArray[np.int64]


class Vocabulary:
    """The terms of a collection of texts, and their weights.

    Texts that come later use its terms and weights; terms it does not hold are left out.

    Attributes:
        matrix: Texts x terms, rows of length one (or empty), until it is deleted.
        named: How many columns, from the first, are stems and pairs of stems.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._words: dict[str, int] = {}
        self._stems: dict[str, int] = {}
        self._ngrams: dict[str, int] = {}
        self._owners: dict[str, int] = {}
        # Two stems side by side are one number, a pair: first * len(stems) + second.
        self._pairs: Numbers = np.empty(0, np.int64)
        # So are two or three words, a phrase: WORD_BITS for each, the last one lowest.
        self._phrases: Numbers = np.empty(0, np.int64)
        self._kept: dict[str, NDArray[np.intp]] = {}
        # In how many of the texts each term is.
        self._frequency: dict[str, NDArray[np.unsignedinteger]] = {}
        self._text_count = len(texts)
        tokens = Tokens(texts)
        counted = self._count(texts, tokens, grow=True)
        for kind, counts in counted.items():
            every = kind in STEM_KINDS
            kept, self._frequency[kind] = _frequency(counts, every=every)
            if not every:
                self._kept[kind] = kept
        self.matrix: Matrix = self._weigh(counted, tokens)
        self._phrases = self._phrases[self._kept.pop("phrases")]
        self._names = list(self._stems)
        self.named: int = len(self._stems) + len(self._pairs)

    def stem_number(self, word: str) -> int:
        """Return the number of the stem of a word, or a negative one."""
        return self._stems.get(stem(word.lower()), UNKNOWN)

    def stems_in(self, columns: NDArray[np.integer]) -> tuple[NDArray[np.intp], Numbers]:
        """Return which stems the stems, pairs and phrases among some columns are made of.

        Args:
            columns: Columns of the matrix, ascending.

        Returns:
            Positions in ``columns``, and for each the number of a stem; a pair has two.
        """
        ends = np.cumsum([len(self._frequency[kind]) for kind in KIND_WEIGHTS])
        stems_end, pairs_end, phrases_start = np.searchsorted(columns, [ends[0], ends[1], ends[3]])
        found = [(np.arange(stems_end), np.asarray(columns[:stems_end], np.int64))]
        pairs = self._pairs[columns[stems_end:pairs_end] - ends[0]]
        both = (pairs // len(self._stems), pairs % len(self._stems))
        found += [(np.arange(stems_end, pairs_end), stems) for stems in both]
        numbers = self._phrases[columns[phrases_start:] - ends[3]]
        for shift in range(0, 3 * WORD_BITS, WORD_BITS):
            word = ((numbers >> shift) & ((1 << WORD_BITS) - 1)) - 1
            inside = np.flatnonzero((word >= 0) & (word < len(self._word_stems)))
            found.append((phrases_start + inside, self._word_stems[word[inside]]))
        return np.concatenate([at for at, _ in found]), np.concatenate([one for _, one in found])

    @cached_property
    def _word_stems(self) -> Numbers:
        """The number of the stem of each word, by the word's number."""
        return np.array([self._stems.get(stem(word), UNKNOWN) for word in self._words], np.int64)

    def ngram_columns(self, word: str) -> NDArray[np.intp]:
        """Return the columns of the character n-grams of a word."""
        numbers = [self._ngrams.get(ngram, UNKNOWN) for ngram in character_ngrams(word.lower())]
        kept = np.flatnonzero(np.isin(self._kept["ngrams"], numbers))
        return kept + len(self._stems) + len(self._pairs)

    def rows(self, texts: Sequence[str]) -> Matrix:
        """Return texts x terms for other texts, each row of length one (or empty)."""
        tokens = Tokens(texts)
        return self._weigh(self._count(texts, tokens, grow=False), tokens)

    def _count(self, texts: Sequence[str], tokens: Tokens, *, grow: bool) -> dict[str, Matrix]:
        """Return for each kind the counts, texts x terms; add new terms only to ``grow``."""
        stemmed = _numbers_of(map(stem, tokens.words), self._stems, grow=grow)[tokens.ids]
        meant, known = stemmed != STOP_WORD, stemmed >= 0
        words = _count_matrix(tokens.texts, tokens.ids, (tokens.count, len(tokens.words)))
        return {
            "stems": _count_matrix(
                tokens.texts[known], stemmed[known], (tokens.count, len(self._stems))
            ),
            "pairs": self._count_pairs(tokens.texts[meant], stemmed[meant], tokens.count, grow),
            "ngrams": words
            @ self._count_lists(map(character_ngrams, tokens.words), self._ngrams, grow),
            "owners": self._count_lists(map(owners, texts), self._owners, grow),
            "phrases": self._count_phrases(tokens, grow),
        }

    def _count_pairs(
        self, texts: NDArray[np.int32], stemmed: Numbers, count: int, grow: bool
    ) -> Matrix:
        beside = (texts[1:] == texts[:-1]) & (stemmed[1:] >= 0) & (stemmed[:-1] >= 0)
        pairs = stemmed[:-1][beside] * len(self._stems) + stemmed[1:][beside]
        if grow:
            self._pairs = _distinct(pairs)
        return _count_known(texts[1:][beside], pairs, count, self._pairs)

    def _count_phrases(self, tokens: Tokens, grow: bool) -> Matrix:
        numbers = _numbers_of(tokens.words, self._words, grow=grow)
        # The largest number that fits represents all unknown words.
        numbers[numbers < 0] = (1 << WORD_BITS) - 2
        ids, texts = numbers[tokens.ids] + 1, tokens.texts
        two = ids[:-1] << WORD_BITS | ids[1:]
        three = two[:-1] << WORD_BITS | ids[2:]
        pair, triple = texts[1:] == texts[:-1], texts[2:] == texts[:-2]
        phrases = np.concatenate([two[pair], three[triple]])
        if grow:
            self._phrases = _distinct(phrases)
        rows = np.concatenate([texts[1:][pair], texts[2:][triple]])
        return _count_known(rows, phrases, tokens.count, self._phrases)

    def _count_lists(
        self, lists: Iterable[Sequence[str]], numbers: dict[str, int], grow: bool
    ) -> Matrix:
        """Return the count of each name in each list, lists x names."""
        rows, columns, count = array("i"), array("i"), 0
        for count, names in enumerate(lists, start=1):
            for column in _numbers_of(names, numbers, grow=grow).tolist():
                if column >= 0:
                    rows.append(count - 1)
                    columns.append(column)
        return _count_matrix(np.asarray(rows), np.asarray(columns), (count, len(numbers)))

    def _weigh(self, counted: dict[str, Matrix], tokens: Tokens) -> Matrix:
        """Return the weighted kinds side by side, in rows of length one."""
        parts = []
        for kind, counts in counted.items():
            part = counts[:, self._kept[kind]] if kind in self._kept else counts
            frequency = self._frequency[kind][part.indices].astype(np.float64)
            idf = np.log((1 + self._text_count) / (1 + frequency)) + 1
            part.data = (1 + np.log(part.data)) * idf.astype(np.float32) ** IDF_POWER
            shares = KIND_WEIGHTS[kind] * _length_factors(kind, tokens)
            unit(part).data *= np.repeat(np.sqrt(shares), np.diff(part.indptr))
            parts.append(part)
        joined = unit(sparse.hstack(parts, format="csr", dtype=np.float32))
        joined.sort_indices()
        return joined


def _numbers_of(names: Iterable[str], numbers: dict[str, int], *, grow: bool) -> Numbers:
    """Return the number of each name; unknown ones are added to ``grow``, else ``UNKNOWN``."""
    if grow:
        found = [numbers.setdefault(name, len(numbers)) if name else STOP_WORD for name in names]
    else:
        found = [numbers.get(name, UNKNOWN) if name else STOP_WORD for name in names]
    return np.array(found, np.int64)


def _distinct(values: Numbers) -> Numbers:
    """Return the distinct values, none of them negative, ascending."""
    ordered = np.sort(values)  # Faster than the hashing of numpy's unique.
    return ordered[np.flatnonzero(np.diff(ordered, prepend=-1))]


def _count_matrix(
    rows: NDArray[np.integer], columns: NDArray[np.integer], shape: tuple[int, int]
) -> Matrix:
    """Return the count of each column in each row."""
    ones = np.ones(len(rows), np.float32)
    return sparse.coo_matrix((ones, (rows, columns)), shape).tocsr()


def _count_known(rows: NDArray[np.integer], values: Numbers, count: int, known: Numbers) -> Matrix:
    """Return the count of each known value in each row; ``known`` is sorted."""
    at = np.searchsorted(known, values)
    inside = at < len(known)
    inside[inside] = known[at[inside]] == values[inside]
    return _count_matrix(rows[inside], at[inside], (count, len(known)))


def _frequency(
    counts: Matrix, *, every: bool
) -> tuple[NDArray[np.intp], NDArray[np.unsignedinteger]]:
    """Return the columns to keep, ``every`` one or those of a middle frequency, and that."""
    frequency = np.bincount(counts.indices, minlength=counts.shape[1])
    most = max(RARE_TEXTS, MOST_FREQUENCY * counts.shape[0])
    kept = np.flatnonzero(every | ((frequency > 1) & (frequency <= most)))
    return kept, frequency[kept].astype(np.min_scalar_type(counts.shape[0]))


def _length_factors(kind: str, tokens: Tokens) -> NDArray[np.float32]:
    """Return for each text the factor of a kind's weight by its length and word order."""
    lengths = np.bincount(tokens.texts, minlength=tokens.count)
    part = np.ones(tokens.count, np.float32)
    if kind == "phrases":
        part *= np.minimum(1, lengths / FULL_PHRASE_WORDS) ** 2
    if kind in ORDER_KINDS:
        function_words = np.array([word in FUNCTION_WORDS for word in tokens.words], bool)[
            tokens.ids
        ]
        sentences = np.bincount(tokens.texts[function_words], minlength=tokens.count) > 0
        part *= sentences | (lengths < LEAST_PROSE_WORDS)
    return part


def unit(rows: Matrix) -> Matrix:
    """Scale the rows, in place, to length one; an empty row stays empty."""
    squares = np.asarray(rows.multiply(rows).sum(axis=1), np.float32).ravel()
    rows.data /= np.repeat(np.sqrt(squares), np.diff(rows.indptr))
    return rows
