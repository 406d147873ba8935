"""A reader's interests against the recent papers: how well each paper fits, and why.

Every interest (the words of one search, the liked papers together, an author, a field) is a small
model of its own. Its scores become percentiles among the candidates, so that interests compare
and one threshold means the same for everybody. Free of Django and of I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from papers.recommend.index import THRESHOLD, Index, percentiles
from papers.recommend.profile import Profile
from papers.recommend.similarity import Scores
from papers.text.taxonomy import NAMES

HEAD: Final = 256
"""So many of the best candidates of an interest are put in order at first; most need no more."""


@dataclass(frozen=True, slots=True)
class Interest:
    """One model of one reader: a score for each candidate, minus infinity for what is outside.

    ``explain`` says for the place of a paper why it fits.
    """

    kind: Literal["text", "likes", "topic", "author"]
    scores: Scores
    explain: Callable[[int], str]

    @property
    def threshold(self) -> float:
        """The least percentile of a personal pick; who follows an author wants all of it."""
        return THRESHOLD if self._compares else 0.0

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Which candidates are good enough for a personal pick."""
        if not self._compares:
            return self.scores > -np.inf
        least = int(THRESHOLD * (len(self.scores) - 1))
        good = self.scores >= np.partition(self.scores, least)[least]
        return np.asarray(good & (self.scores > -np.inf))

    @property
    def _compares(self) -> bool:
        """Whether every candidate is measured, not only those of a field or an author."""
        return self.kind in {"text", "likes"}

    def best(self) -> Iterator[tuple[int, float, float]]:
        """Places with their percentiles and scores, best first, as far as the interest goes."""
        order = _in_order(self.scores, HEAD)
        yield from self._stretch(order, 0)
        if len(order) < len(self.scores):
            rest = np.argsort(-self.scores, kind="stable")[len(order) :]
            yield from self._stretch(rest, len(order))

    def _stretch(self, order: NDArray[np.intp], start: int) -> Iterator[tuple[int, float, float]]:
        compared = len(self.scores) if self._compares else np.count_nonzero(self.inside)
        others = max(1, int(compared) - 1)
        scores = self.scores[order].tolist()
        for at, (place, score) in enumerate(zip(order.tolist(), scores, strict=True), start):
            if score == -np.inf:
                return
            yield place, 1 - at / others, score


def _in_order(scores: Scores, count: int) -> NDArray[np.intp]:
    """The places of the best, best first; equal scores in the order of their places.

    At least ``count``, where there are so many: all that are as good as the last of them.
    """
    negative = -scores
    if count >= len(scores):
        return np.argsort(negative, kind="stable")
    first = np.flatnonzero(negative <= np.partition(negative, count - 1)[count - 1])
    return first[np.argsort(negative[first], kind="stable")]


def rank(index: Index, profile: Profile, candidates: Collection[str], top: int) -> list[str]:
    """Return the ``top`` of these candidates, best first, by the best of the reader's interests.

    The scores are those of a digest, without its rules for a whole mail. A reader without
    interests gets what trends, one who only searches what is about one of the searches. Ids that
    the index does not hold are left out.
    """
    found = map(index.place.get, candidates, repeat(-1))
    places = np.fromiter(found, np.intp, len(candidates))
    places = places[places >= 0]
    if not len(places):
        return []
    if not _has_others(profile) and (likes := _known_likes(index, profile)):
        few = places if len(places) < len(index) // 2 else None
        scores = index.likeness.fit(*likes, few).scores
        scores = scores[places] if few is None else scores
    else:
        scores = _best_of(index, profile)[places]
        if profile.only_searches:
            places, scores = places[scores > -np.inf], scores[scores > -np.inf]
    return [index.candidates[place].id for place in places[_in_order(scores, top)[:top]]]


def _has_others(profile: Profile) -> bool:
    return bool(profile.texts or profile.topics or profile.authors)


def _best_of(index: Index, profile: Profile) -> Scores:
    """Return for each candidate the percentile in the interest that it fits best.

    Minus infinity where it fits none.
    """
    found = [interest.scores for interest in interests(index, profile)]
    if not found:
        return np.full(len(index), -np.inf, np.float32) if profile.only_searches else index.trending
    shares = [np.where(scores == -np.inf, -np.inf, percentiles(scores)) for scores in found]
    return np.asarray(np.max(shares, axis=0), np.float32)


def interests(index: Index, profile: Profile) -> Iterator[Interest]:
    """The models of one reader; an interest that says nothing about any paper is left out."""
    if not len(index):
        return
    for author in profile.authors:
        if written := index.written_by(author):
            yield _trending(index.trending, "author", written, partial(_followed, author))
    if likes := _liked(index, profile):
        yield likes
    dislikes = index.rows_of(profile.dislikes)
    for text in profile.texts:
        if search := _searched(index, text, dislikes):
            yield search
    for topic in profile.topics:
        if len(inside := index.inside(topic)):
            trend = index.trend(dislikes)
            yield _trending(trend, "topic", inside, partial(_in_field, index, topic))


def _trending(
    trend: Scores,
    kind: Literal["author", "topic"],
    places: list[int] | NDArray[np.intp],
    explain: Callable[[int], str],
) -> Interest:
    """An interest in some papers, the most trending first."""
    scores = np.full(len(trend), -np.inf, np.float32)
    scores[places] = trend[places]
    return Interest(kind, scores, explain)


def _followed(author: str, _place: int) -> str:
    return f"you follow {author}"


def _in_field(index: Index, topic: str, place: int) -> str:
    """The reason of a paper in a field: not every one of them has grown."""
    grown = index.candidates[place].grown
    return f"{'trending' if grown else 'new'} in your field: {NAMES.get(topic, topic)}"


def _known_likes(
    index: Index, profile: Profile
) -> tuple[Sequence[int], Scores, Sequence[int]] | None:
    """The rows of the likes, their weights by age, and the rows of the dislikes."""
    liked = [paper for paper in profile.likes if paper in index.rows]
    if not liked:
        return None
    ages = np.array([profile.ages.get(paper, 0.0) for paper in liked], np.float32)
    # Beside the newest like: all may be so old that no number is small enough for their weights.
    weights = np.asarray(0.5 ** ((ages - ages.min()) / profile.half_life), np.float32)
    return index.rows_of(liked), weights, index.rows_of(profile.dislikes)


def _liked(index: Index, profile: Profile) -> Interest | None:
    known = _known_likes(index, profile)
    if known is None:
        return None
    rows, weights, _ = known
    shares = index.likeness.shares(rows, weights)
    fit = index.likeness.fit(*known)
    if not fit.above.any():
        return None
    scores = np.where(fit.above, fit.scores, -np.inf)

    def explain(place: int) -> str:
        alike = [float(index.likeness.to(row)[place]) for row in rows]
        nearest = rows[int(np.argmax(shares * alike))]
        words = ", ".join(index.shared_terms(nearest, place))
        return f"because you liked “{index.documents[nearest].name}”" + (words and f": {words}")

    return Interest("likes", scores, explain)


def _searched(index: Index, text: str, dislikes: tuple[int, ...]) -> Interest | None:
    """Return the interest in one search; None where no candidate is about it."""
    search = index.searches.of(text)
    if not len(search.places):
        return None
    scores = np.full(len(index), -np.inf, np.float32)
    scores[search.places] = search.scores
    if dislikes:
        scores *= 1 - index.dislike_penalty(dislikes)

    def explain(place: int) -> str:
        words = ", ".join(index.terms_of(search.wording, place))
        return f"matches your search “{text}”" + (words and f": {words}")

    return Interest("text", scores, explain)


def unwanted(index: Index, profile: Profile, exclude: Collection[str] = ()) -> set[int]:
    """What this reader never gets: the seen, the judged, the muted and their own papers."""
    known = {*exclude, *profile.likes, *profile.dislikes} & index.place.keys()
    places = {index.place[paper] for paper in known}
    for name in (*profile.muted, *profile.names):
        places.update(index.written_by(name))
    for muted in profile.muted:
        places.update(index.wording.holding(muted))
    return places
