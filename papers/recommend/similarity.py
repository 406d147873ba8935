"""How alike papers are, in units that compare: the arithmetic under the ranking.

A liked paper's likeness to a candidate is the cosine of their terms. Summed over a reader's likes
it still favours candidates that are like everything; so the usual likeness of each candidate is
subtracted, and the rest divided by how much that likeness varies, the more the more likes there
are (one like says little about what is usual for its reader):

    z(c) = (mean of cos(c, likes) - usual(c)) / spread(c) ** (k / (k + 3))

A text is too short to hold all words of its subject, so every paper is lent words by the papers
nearest to it (``papers/neighbours.py``) before it is compared.

Where sentence vectors are at hand (``vectors``), a second z is made from them and the two are
added with weights that depend on how much text there is and on k. Free of Django and of I/O.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from papers.recommend.dense import Meaning, floored, meaning_weight, trust
from papers.recommend.expansion import Columns, Neighbours
from papers.recommend.tfidf import Matrix

Scores = NDArray[np.float32]
Cosines = NDArray[np.int16]
"""Cosines in steps of 1 / ``STEPS``: numpy reads them ten times sooner than half floats."""

SHRINK: Final = 3.0
"""With so many likes a candidate's spread counts for half."""
DISLIKE: Final = 0.5
"""What the disliked papers together weigh against the liked ones."""
FEW_LIKES: Final = 5
FEW_CANDIDATES: Final = 3000
"""Among more, feedback is not tried, and its time would grow with them."""
LISTENERS: Final = 4
"""One candidate in so many, of the best, is compared with them."""
SPOKEN: Final = 2.0
"""What the best say counts so much beside a single like."""
LEAST_LISTENERS: Final = 8
BARE: Final = 0.7
"""Where sentence vectors count more than that, texts are titles and say too little in words."""
ROUNDS: Final = 4
VOICE: Final = 1.5
"""Each of the best speaks with this power of what their score is above the least of them,"""
WHISPER: Final = 0.01
"""and a little more, so that no one speaks alone."""
STRANGERS: Final = 0.97
GROUPS: Final = 64
MOST_GROUPED: Final = 20
"""More likes than that are measured as so many."""
STEPS: Final = np.float32(16384)
KEPT_BYTES: Final = 256 << 20
"""Memory for the likenesses of papers that several readers like."""
AT_ONCE: Final = 128
TEXTS: Final = 12
"""As many terms as so many texts have are enough to order a few candidates."""
LEAST_TERMS: Final = 800
SKETCH: Final = 512
FREQUENT: Final = 0.1
"""Terms in more than this share of the documents are kept apart, in dense rows."""


class Fit(NamedTuple):
    """How well candidates fit some likes.

    Attributes:
        scores: To compare with each other only.
        above: Which are more like the likes than strangers are: see ``Likeness.strangers``.
    """

    scores: Scores
    above: NDArray[np.bool_]


class Compared(NamedTuple):
    """The likeness of candidates to ``number`` documents together, by terms and by meaning.

    ``share`` is what the documents weigh together: less than one where some count against.
    """

    number: int
    terms: Scores
    meaning: Scores | None = None
    share: float = 1.0


class Listeners(NamedTuple):
    """Some candidates that are compared with each other.

    ``likeness`` says how alike each is to all of them, given what each of those counts; ``own`` is
    the likeness of each to itself, ``usual`` that to other papers, ``spread`` how much it varies.
    """

    likeness: Callable[[Scores], Scores]
    own: Scores
    usual: Scores
    spread: Scores

    def said(self, scores: Scores) -> Scores:
        """How alike they are to the best of them, the better the more; nobody to themselves."""
        voices = (scores - scores.min() + WHISPER) ** VOICE / np.sqrt(self.spread)
        voices /= voices.sum()
        found = (self.likeness(voices) - voices * self.own) / (1 - voices)
        return _scaled((found - self.usual) / self.spread)


class Likeness:
    """Likeness of documents (likes, picks, searches) to the candidates, which come first.

    ``matrix`` is documents x terms in rows of length one; ``shown`` says how many of them, from
    the first, are candidates; ``vectors`` is documents x dimensions, or None; ``words`` is the
    mean length of the texts; the first ``named`` columns are words and pairs of words.
    """

    def __init__(
        self,
        matrix: Matrix,
        shown: int,
        vectors: Scores | None = None,
        words: float = 0.0,
        named: int | None = None,
    ) -> None:
        self.matrix = matrix
        self.shown = shown
        frequency = np.bincount(matrix.indices, minlength=matrix.shape[1])
        self.frequent = np.flatnonzero(frequency > FREQUENT * max(1, matrix.shape[0]))
        # Terms that stand in every tenth text make most of a sparse product's work; a dense
        # product does the same in a fraction of the time.
        self.dense: Scores = matrix[:, self.frequent].toarray()
        rare = self._rare(matrix)
        self.columns: Matrix = rare[:shown].T.tocsr()
        self.near = Neighbours(rare, self.dense, shown, self._products)
        self.usual = self._usual()
        self.spread = floored(self.near.variance)
        self.meaning = None if vectors is None or not shown else Meaning(vectors, shown)
        self.trust = 0.0
        if self.meaning is not None and vectors is not None:
            turned = self.meaning.turned(vectors[:shown])
            self.trust = trust(matrix[:shown, :named], turned)
        if not self.trust:
            self.meaning = None
        self.words = words
        self.sketches = _sketches(matrix[:shown])
        self.terms = max(LEAST_TERMS, TEXTS * matrix.nnz // max(1, matrix.shape[0]))
        self._kept: OrderedDict[int, Cosines] = OrderedDict()
        self.strangers = lru_cache(maxsize=None)(self._strangers)
        self._room = max(1, KEPT_BYTES // max(1, 2 * shown))

    def prepare(self, rows: Collection[int]) -> None:
        """Work out together what ``to`` will be asked for."""
        missing = [row for row in dict.fromkeys(rows) if row not in self._kept]
        for start in range(0, len(missing), AT_ONCE):
            part = missing[start : start + AT_ONCE]
            found = self._cosines(*self.near.lent(part))
            self._kept.update(zip(part, _stepped(found), strict=True))
        while len(self._kept) > max(self._room, len(rows)):
            self._kept.popitem(last=False)

    def _cosines(self, rare: Matrix, dense: Scores) -> Scores:
        """Rows x candidates, the candidates with what their neighbours lend them."""
        return self.near.spread(self._products(rare, dense))

    def _products(self, rare: Matrix, dense: Scores) -> Scores:
        """Rows x candidates, by their own words."""
        found = (rare @ self.columns).toarray() + dense @ self.dense[: self.shown].T
        return np.asarray(found, np.float32)

    def _rare(self, rows: Matrix) -> Matrix:
        """Rows of terms without the frequent ones."""
        rare = rows.copy()
        rare.data[np.isin(rare.indices, self.frequent)] = 0
        rare.eliminate_zeros()
        return rare

    def to(self, row: int) -> Cosines:
        """The cosines between one document and every candidate."""
        if row not in self._kept:
            self.prepare([row])
        self._kept.move_to_end(row)
        return self._kept[row]

    def fit(
        self,
        likes: Sequence[int],
        weights: Scores,
        dislikes: Sequence[int] = (),
        places: NDArray[np.intp] | None = None,
    ) -> Fit:
        """How much each candidate, or each of ``places``, is like the likes more than usual.

        A few likes say too little to stand alone; where there are not too many candidates, those
        that fit best have a say too.
        """
        which = np.arange(self.shown) if places is None else places
        found = self._compared(likes, weights, dislikes, places)
        scores = self._standardised(found, which)
        floor = self.strangers(min(len(likes), MOST_GROUPED)) if places is None else 0.0
        above = scores > floor
        if len(likes) <= FEW_LIKES and len(which) <= FEW_CANDIDATES:
            scores = self._heard(scores, which, [*likes, *dislikes], len(likes))
        return Fit(scores, above)

    def _heard(
        self, scores: Scores, which: NDArray[np.intp], judged: Sequence[int], likes: int
    ) -> Scores:
        """Scores of which the best are joined by how alike those are to the best of them.

        Pseudo-relevance feedback (Croft and Harper, 1979), some times over: who has risen in one
        round speaks louder in the next.
        """
        count = len(which) // LISTENERS
        if count < LEAST_LISTENERS:
            return scores
        known = np.zeros(self.matrix.shape[0], bool)
        known[list(judged)] = True
        scores = _scaled(scores)
        best = _best(np.where(known[which], -np.inf, scores), count)
        first, listeners = scores[best], self._listeners(which[best])
        joined = first
        for _ in range(ROUNDS):
            joined = first + SPOKEN / likes * listeners.said(joined)
        heard: Scores = scores - scores.max() + joined.min()
        heard[best] = joined
        return heard

    def _listeners(self, rows: NDArray[np.intp]) -> Listeners:
        """Candidates that hear each other's words or, where words are few, what those mean."""
        if self.meaning is not None and self.trust * meaning_weight(self.words, 1.0) > BARE:
            spread = self.meaning.spread[rows]
            nothing = np.zeros_like(spread)
            return Listeners(self.meaning.among(rows), nothing + 1, nothing, spread)
        usual, spread = self.usual[rows], self.spread[rows]
        return Listeners(self.near.among(rows), self.near.own[rows], usual, spread)

    def _compared(
        self,
        likes: Sequence[int],
        weights: Scores,
        dislikes: Sequence[int],
        places: NDArray[np.intp] | None,
    ) -> Compared:
        """The mean likeness to some documents, less that to the disliked ones.

        All candidates are compared with each liked paper once, for every reader who likes it; a
        few places are cheaper to compare with the likes together.
        """
        rows = [*likes, *dislikes]
        signed = np.concatenate([self.shares(likes, weights), _against(dislikes)])
        if places is None:
            terms = self._summed(rows, signed)
        else:
            terms = self._few(*self.near.together(rows, signed), places)
        if self.meaning is None:
            return Compared(len(likes), terms, None, float(signed.sum()))
        wanted = np.asarray(signed @ self.meaning.vectors[rows], np.float32)
        meaning = self.meaning.likeness(wanted, places)
        return Compared(len(likes), terms, meaning, float(signed.sum()))

    def _summed(self, rows: Sequence[int], signed: Scores) -> Scores:
        """The cosines of some documents with every candidate, each counting so much, in one."""
        self.prepare(rows)
        terms = np.zeros(self.shown, np.float32)
        for start in range(0, len(rows), AT_ONCE):
            part = np.stack([self.to(row) for row in rows[start : start + AT_ONCE]])
            terms += (signed[start : start + AT_ONCE] / STEPS) @ part.astype(np.float32)
        return terms

    def shares(self, likes: Sequence[int] | NDArray[np.intp], weights: Scores) -> Scores:
        """What each like counts; one from a crowded corner of the collection says less."""
        shares = weights / np.sqrt(self.spread[np.asarray(likes, np.intp)])
        return np.asarray(shares / shares.sum(), np.float32)

    def _few(
        self, columns: Columns, weights: Scores, dense: Scores, places: NDArray[np.intp]
    ) -> Scores:
        """How much these candidates are like one row, by the heaviest of its terms."""
        if len(columns) > self.terms:
            best = np.argpartition(-np.abs(weights), self.terms)[: self.terms]
            columns, weights = columns[best], weights[best]
        found = self.columns[columns].T @ weights
        if dense.size:
            found += self.dense[: self.shown] @ dense
        return self.near.at(found, places)

    def _usual(self) -> Scores:
        """The mean likeness of each candidate to the others."""
        mean = self._cosines(*self.near.mean())[0]
        return np.asarray(np.maximum(mean - 1 / max(1, self.shown), 0), np.float32)

    def _standardised(self, found: Compared, which: NDArray[np.intp]) -> Scores:
        power = found.number / (found.number + SHRINK)
        z = (found.terms - found.share * self.usual[which]) / self.spread[which] ** power
        if self.meaning is None or found.meaning is None:
            return np.asarray(z, np.float32)
        weight = self.trust * meaning_weight(self.words, power)
        meant = found.meaning / self.meaning.spread[which] ** power
        return ((1 - weight) * _scaled(z) + weight * _scaled(meant)).astype(np.float32)

    def _strangers(self, number: int) -> float:
        """Return the score that ``STRANGERS`` of the candidates stay under, by chance.

        Drawn are ``GROUPS`` groups of ``number`` candidates that nobody likes together; what
        less of the candidates reach for such a group is likeness.
        """
        chance = np.random.default_rng(number)
        drawn = chance.integers(0, max(1, self.shown), min(GROUPS, self.shown))
        which = np.arange(self.shown)
        found = []
        for first in drawn.tolist():
            group = [first, *chance.choice(drawn, number - 1).tolist()]
            compared = self._compared(group, np.ones(number, np.float32), (), None)
            scores = self._standardised(compared, which)
            found.append(np.delete(scores, group))
        return float(np.quantile(np.concatenate(found), STRANGERS)) if found else 0.0


def _against(dislikes: Sequence[int]) -> Scores:
    """What each disliked paper counts."""
    return np.full(len(dislikes), -DISLIKE / max(1, len(dislikes)), np.float32)


def _stepped(cosines: Scores) -> Cosines:
    """As they are kept: what neighbours lend makes none of them larger than 1.21."""
    return np.asarray(np.rint(cosines * STEPS), np.int16)


def _sketches(rows: Matrix) -> Scores:
    """Each row in SKETCH numbers whose products are cosines, give or take 0.04.

    Every term is added to, or taken from, one number by chance (the count sketch: Charikar, Chen
    and Farach-Colton, 2002). That is enough to see whether two papers tell one story.
    """
    chance = np.random.default_rng(1)
    terms = rows.shape[1]
    signs = chance.choice([-1, 1], terms).astype(np.float32)
    parts = (signs, chance.integers(0, SKETCH, terms), np.arange(terms + 1))
    sketches = (rows @ sparse.csr_matrix(parts, (terms, SKETCH))).toarray()
    lengths = np.linalg.norm(sketches, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    return np.asarray(sketches / lengths, np.float32)


def _scaled(scores: Scores) -> Scores:
    centred = scores - scores.mean()
    deviation = math.sqrt(float(centred @ centred) / len(centred))
    return np.asarray(centred / (deviation or 1.0), np.float32)


def _best(scores: Scores, count: int) -> NDArray[np.intp]:
    """The places of the best, in no order."""
    return np.argpartition(-scores, count - 1)[:count]
