"""A reader's interests against the recent papers: how well each paper fits, and why.

Every interest (the words of one search, the liked papers together, an author, a field) is a small
model of its own. Its scores become percentiles among the candidates, so that interests compare
and one threshold means the same for everybody. Free of Django and of I/O.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import repeat
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from papers.recommend.index import Index, percentiles
from papers.recommend.profile import Profile
from papers.recommend.similarity import Scores
from papers.text.taxonomy import NAMES

HEAD: Final = 256
"""So many of the best candidates of an interest are put in order at first; most need no more."""
MOST_SHARES: Final = 4.0
"""What the likes together count at most beside one search, field or author."""

Kind = Literal["text", "likes", "topic", "author"]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Interest:
    """One model of one reader.

    Attributes:
        scores: One a candidate, to order them by; minus infinity below the floor.
        strengths: One a candidate, between 0 and 1: the relevance to a search, else the share of
            the candidates that the interest covers which come after it.
        explain: Returns for the place of a paper why it fits.
        shares: How many places it gets for one of an interest with one share.
    """

    kind: Kind
    scores: Scores
    strengths: Scores
    explain: Callable[[int], str]
    shares: float = 1.0

    @property
    def inside(self) -> Mask:
        """Which candidates are above the floor."""
        return self.scores > -np.inf

    def decayed(self, decay: Scores) -> Interest:
        """Return the interest ordered by strengths times one factor a candidate."""
        return replace(self, scores=np.where(self.inside, self.strengths * decay, -np.inf))

    def best(self, among: Mask | None = None) -> Iterator[int]:
        """Yield the places above the floor, best first, of all candidates or some."""
        scores = self.scores
        places = np.flatnonzero(self.inside if among is None else self.inside & among)
        order = _in_order(scores[places], HEAD)
        yield from places[order].tolist()
        if len(order) < len(places):
            rest = np.argsort(-scores[places], kind="stable")[len(order) :]
            yield from places[rest].tolist()


def _in_order(scores: Scores, count: int) -> NDArray[np.intp]:
    """Return the places of the best, best first; equal scores in the order of their places.

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
        scores = index.similarity.fit(*likes, few).scores
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
    """Yield the models of one reader; an interest that no paper is about is left out."""
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
    """Return an interest in some papers, the most trending first."""
    scores = np.full(len(trend), -np.inf, np.float32)
    scores[places] = trend[places]
    strengths = np.zeros(len(trend), np.float32)
    strengths[places] = percentiles(trend[places])
    return Interest(kind, scores, strengths, explain)


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
    shares = index.similarity.shares(rows, weights)
    fit = index.similarity.fit(*known)
    if not fit.above.any():
        return None
    scores = np.where(fit.above, fit.scores, -np.inf)
    above = np.flatnonzero(fit.above)
    above = above[np.argsort(-fit.scores[above], kind="stable")]
    strengths = np.zeros(len(scores), np.float32)
    strengths[above] = 1 - np.arange(len(above)) / max(1, len(scores) - 1)
    places = min(MOST_SHARES, math.sqrt(len(rows)))

    def explain(place: int) -> str:
        alike = [float(index.similarity.cosines(row)[place]) for row in rows]
        nearest = rows[int(np.argmax(shares * alike))]
        named = index.documents[nearest].name
        shared = index.shared_phrases(nearest, place)
        words = ", ".join(one for one in shared if one.lower() not in named.lower())
        return f"like “{named}”, which you liked" + (words and f": {words}")

    return Interest("likes", scores, strengths, explain, places)


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
        held = index.held_part(search.wording, place)
        if held == search.wording:
            return f"on “{text}”"
        return f"part of “{text}”: {held}" if held else f"close to “{text}”"

    return Interest("text", scores, np.maximum(scores, 0), explain)


def unwanted(index: Index, profile: Profile, exclude: Collection[str] = ()) -> set[int]:
    """What this reader never gets: the seen, the judged, the muted and their own papers."""
    known = {*exclude, *profile.likes, *profile.dislikes} & index.place.keys()
    places = {index.place[paper] for paper in known}
    for name in (*profile.muted, *profile.names):
        places.update(index.written_by(name))
    for muted in profile.muted:
        places.update(index.wording.holding(muted))
    return places
