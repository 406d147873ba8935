"""Ranking of the recent papers for each of a reader's interests, with a reason for each paper.

Every interest (one search, all liked papers, an author, a field) is scored by itself. To compare
interests, scores become percentiles among the candidates. Free of Django and of I/O.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import repeat
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from papers.recommend.index import Index, percentiles
from papers.recommend.profile import Profile
from papers.recommend.search_reasons import search_reason
from papers.recommend.similarity import Fit, Scores
from papers.text.taxonomy import NAMES

FIRST_SORTED: Final = 256
"""The best candidates of an interest that are sorted first; the rest seldom needs sorting."""
MOST_LIKES_SHARES: Final = 4.0
"""The most shares of all likes together, where one search, field or author has one."""

Kind = Literal["text", "likes", "topic", "author"]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RankedInterest:
    """One interest of a reader with the scores of all candidates.

    Attributes:
        kind: What the interest is made of.
        scores: For each candidate, the value to sort by; minus infinity where it does not fit.
        strengths: For each candidate, between 0 and 1: the relevance to a search, else the share
            of the candidates of the interest that rank below it.
        explain: Returns for the place of a paper the reason why it fits.
        shares: Its places in a digest, in proportion to those of other interests.
    """

    kind: Kind
    scores: Scores
    strengths: Scores
    explain: Callable[[int], str]
    shares: float = 1.0

    @property
    def inside(self) -> Mask:
        """Which candidates fit the interest."""
        return self.scores > -np.inf

    def decayed(self, decay: Scores) -> RankedInterest:
        """Return the interest with strengths times a factor for each candidate as scores."""
        return replace(self, scores=np.where(self.inside, self.strengths * decay, -np.inf))

    def best(self, among: Mask | None = None) -> Iterator[int]:
        """Yield the places of the candidates that fit, of all or of some, best first."""
        scores = self.scores
        places = np.flatnonzero(self.inside if among is None else self.inside & among)
        order = _sorted_best(scores[places], FIRST_SORTED)
        yield from places[order].tolist()
        if len(order) < len(places):
            rest = np.argsort(-scores[places], kind="stable")[len(order) :]
            yield from places[rest].tolist()


def _sorted_best(scores: Scores, count: int) -> NDArray[np.intp]:
    """Return the places of the ``count`` highest scores or more, highest first.

    Equal scores keep the order of their places, and all that equal the last one are included.
    """
    negative = -scores
    if count >= len(scores):
        return np.argsort(negative, kind="stable")
    first = np.flatnonzero(negative <= np.partition(negative, count - 1)[count - 1])
    return first[np.argsort(negative[first], kind="stable")]


def rank(index: Index, profile: Profile, candidates: Collection[str], top: int) -> list[str]:
    """Return the ``top`` of these candidates, best first, by the best of the reader's interests.

    The scores are those of a digest, without its rules for the whole list. Without interests the
    order is that of trending; with searches only, papers that no search finds are left out.

    Args:
        index: Holds the texts of the candidates and of the likes.
        profile: The reader's choices.
        candidates: Ids of the papers to rank; unknown ones are left out.
        top: The most papers.
    """
    found = map(index.place.get, candidates, repeat(-1))
    places = np.fromiter(found, np.intp, len(candidates))
    places = places[places >= 0]
    if not len(places):
        return []
    if not _has_other_interests(profile) and (likes := known_likes(index, profile)):
        few = places if len(places) < len(index) // 2 else None
        scores = index.similarity.fit(*likes, few, index.terms_of(profile.ignored)).scores
        scores = scores[places] if few is None else scores
    else:
        scores = _best_percentiles(index, profile)[places]
        if profile.only_searches:
            places, scores = places[scores > -np.inf], scores[scores > -np.inf]
    return [index.candidates[place].id for place in places[_sorted_best(scores, top)[:top]]]


def _has_other_interests(profile: Profile) -> bool:
    return bool(profile.texts or profile.topics or profile.authors)


def _best_percentiles(index: Index, profile: Profile) -> Scores:
    """Return for each candidate its highest percentile; minus infinity where none fits."""
    found = [interest.scores for interest in interests(index, profile, mentions=True)]
    if not found:
        return np.full(len(index), -np.inf, np.float32) if profile.only_searches else index.trending
    shares = [np.where(scores == -np.inf, -np.inf, percentiles(scores)) for scores in found]
    return np.asarray(np.max(shares, axis=0), np.float32)


def interests(
    index: Index, profile: Profile, *, mentions: bool = False
) -> Iterator[RankedInterest]:
    """Yield the interests of one reader that at least one candidate fits.

    Args:
        index: Holds the candidates.
        profile: The reader's choices.
        mentions: Whether papers that only mention the subject of a search fit it.
    """
    if not len(index):
        return
    for author in profile.authors:
        if written := index.written_by(author):
            yield _trending_interest(
                index.trending, "author", written, partial(_author_reason, author)
            )
    if likes := _likes_interest(index, profile):
        yield likes
    dislikes = index.rows_of(profile.dislikes)
    for text in profile.texts:
        if search := _search_interest(index, text, dislikes, mentions=mentions):
            yield search
    for topic in profile.topics:
        if len(inside := index.places_in_field(topic)):
            trend = index.trend(dislikes)
            yield _trending_interest(trend, "topic", inside, partial(field_reason, index, topic))


def _trending_interest(
    trend: Scores,
    kind: Literal["author", "topic"],
    places: list[int] | NDArray[np.intp],
    explain: Callable[[int], str],
) -> RankedInterest:
    """Return an interest in the papers at ``places``, ordered by trend."""
    scores = np.full(len(trend), -np.inf, np.float32)
    scores[places] = trend[places]
    strengths = np.zeros(len(trend), np.float32)
    strengths[places] = percentiles(trend[places])
    return RankedInterest(kind, scores, strengths, explain)


def _author_reason(author: str, _place: int) -> str:
    return f"you follow {author}"


def field_reason(index: Index, topic: str, place: int) -> str:
    """Return the reason of a paper in a field: what it gained, or how it stands on its day."""
    document, name = index.candidates[place], NAMES.get(topic, topic)
    if document.evidence:
        return f"{name}: {document.evidence}"
    day = f"{datetime.fromtimestamp(document.announced * 3600, UTC):%-d %B}"
    rank, count = index.standing(topic, place)
    if count == 1:
        return f"{name}: the only one listed on {day}"
    return f"{name}: number {rank} of {count} listed on {day}"


def known_likes(
    index: Index, profile: Profile
) -> tuple[tuple[int, ...], Scores, tuple[int, ...]] | None:
    """Return the rows of the likes, their weights by age, and the rows of the dislikes.

    None without a like that the index holds.
    """
    liked = [paper for paper in profile.likes if paper in index.rows]
    if not liked:
        return None
    ages = np.array([profile.ages.get(paper, 0.0) for paper in liked], np.float32)
    # Relative to the newest like: the weights of very old ones alone would underflow.
    weights = np.asarray(0.5 ** ((ages - ages.min()) / profile.half_life), np.float32)
    return index.rows_of(liked), weights, index.rows_of(profile.dislikes)


def _likes_interest(index: Index, profile: Profile) -> RankedInterest | None:
    known = known_likes(index, profile)
    if known is None:
        return None
    rows, weights, _ = known
    shares = index.similarity.shares(rows, weights)
    fit = index.similarity.fit(*known, ignored=index.terms_of(profile.ignored))
    above = _fitting_places(index, fit, rows)
    if not len(above):
        return None
    scores = np.full(len(index), -np.inf, np.float32)
    scores[above] = fit.scores[above]
    above = above[np.argsort(-fit.scores[above], kind="stable")]
    strengths = np.zeros(len(scores), np.float32)
    strengths[above] = 1 - np.arange(len(above)) / max(1, len(scores) - 1)
    places = min(MOST_LIKES_SHARES, math.sqrt(len(rows)))

    def explain(place: int) -> str:
        cosines = [float(found[place]) for found in index.similarity.cosines_of(rows)]
        nearest = rows[int(np.argmax(shares * cosines))]
        named = index.documents[nearest].name
        shared = index.shared_phrases(nearest, place)
        words = ", ".join(one for one in shared if one.lower() not in named.lower())
        return f"like “{named}”, which you liked" + (words and f": {words}")

    return RankedInterest("likes", scores, strengths, explain, places)


def _fitting_places(index: Index, fit: Fit, likes: Sequence[int]) -> NDArray[np.intp]:
    """Return the places of the candidates that fit some likes, near them by sentence vectors."""
    places = np.flatnonzero(fit.above)
    if index.sentences is None:
        return places
    return places[index.sentences.near_likes(likes, places)]


def nearest_likes(index: Index, profile: Profile) -> dict[int, str]:
    """Return for each candidate that fits the likes the id of the liked paper it is most like."""
    known = known_likes(index, profile)
    if known is None:
        return {}
    rows, weights, _ = known
    fit = index.similarity.fit(*known, ignored=index.terms_of(profile.ignored))
    places = _fitting_places(index, fit, rows)
    shares = index.similarity.shares(rows, weights)
    cosines = np.stack([index.similarity.cosines(row)[places] for row in rows])
    nearest = np.argmax(shares[:, None] * cosines, axis=0)
    return {
        place: index.documents[rows[like]].id
        for place, like in zip(places.tolist(), nearest.tolist(), strict=True)
    }


def _search_interest(
    index: Index, text: str, dislikes: tuple[int, ...], *, mentions: bool
) -> RankedInterest | None:
    """Return the interest in one search; None where no candidate fits it."""
    search = index.search(text)
    fits = search.clear | mentions
    if not fits.any():
        return None
    scores = np.full(len(index), -np.inf, np.float32)
    scores[search.places[fits]] = search.scores[fits]
    if dislikes:
        scores *= 1 - index.dislike_penalty(dislikes)

    def explain(place: int) -> str:
        at = int(np.searchsorted(search.places, place))
        return search_reason(
            text,
            search.words,
            search.held[at].tolist(),
            index.candidates[place].text,
            index.is_common,
            together=bool(search.together[at]),
            subject=bool(search.subject[at]),
        )

    return RankedInterest("text", scores, np.maximum(scores, 0), explain)


def excluded_places(index: Index, profile: Profile, exclude: Collection[str] = ()) -> set[int]:
    """Return the places that a digest must not hold: sent, rated, muted and the reader's own."""
    known = {*exclude, *profile.likes, *profile.dislikes} & index.place.keys()
    places = {index.place[paper] for paper in known}
    for name in (*profile.muted, *profile.names):
        places.update(index.written_by(name))
    for muted in profile.muted:
        places.update(index.phrases.places_of(muted))
    return places
