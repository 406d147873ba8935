"""The papers of one digest: each interest in turn, nothing twice, one or two from outside.

Hard rules come first (already sent, muted, own papers), then the editor's pick, then the
interests round-robin, within each by marginal relevance (Carbonell and Goldstein, SIGIR 1998),
then what trends. Free of Django and of I/O.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Final, Literal

import numpy as np

from papers.recommend.index import Index
from papers.recommend.profile import Profile
from papers.recommend.ranking import Interest, interests, unwanted
from papers.recommend.similarity import Scores

Slot = Literal["personal", "trending", "pick"]

LIKENESS_LIMIT: Final = 0.6
"""Two papers closer than this cosine are one story; a digest tells it once."""
WINDOW: Final = 6
"""So many of the best that are left compete for the next place."""
RELEVANCE: Final = 0.8
"""The share of relevance in marginal relevance; the rest is being unlike what is in already."""
TRENDING_SHARE: Final = 5
"""One slot in so many goes to a trending paper outside the interests, one at least, two at most."""


@dataclass(frozen=True, slots=True)
class Pick:
    """One chosen paper. ``score`` is between 0 and 1: the share of recent papers it beats."""

    paper: str
    score: float
    slot: Slot
    reason: str


def compose(
    index: Index, profile: Profile, size: int, exclude: Collection[str] = (), turn: int = 0
) -> list[Pick]:
    """The papers of one digest, best first, at most ``size`` of them.

    ``exclude`` holds the ids that this reader already got. Never chosen: those, the papers in
    the profile itself, the reader's own, and whatever the reader muted. A reader who asked for
    nothing gets what trends, spread over the fields; who did, gets what fits, and one or two
    trending papers from outside. Likes whose text is still to be fetched ask for nothing.
    ``turn`` changes from mail to mail and says which interest begins, so that all of more
    interests than papers have their days.
    """
    if size < 1 or not len(index):
        return []
    basket = Basket(index, unwanted(index, profile, exclude))
    basket.know([*exclude, *profile.likes, *profile.dislikes])
    for place in index.picked:
        if not basket.picks and basket.may_take(place):
            basket.take(place, float(index.trending[place]), "pick", "the editor's pick")
    asks = index.can_answer(profile)
    guests = min(2, max(1, size // TRENDING_SHARE), size - 1) if asks else size
    wishes = list(interests(index, profile))
    _take_in_turn(basket, _turned(wishes, turn), size - guests)
    total = min(size, len(basket.picks) + guests)
    order = index.order_for(index.rows_of(profile.dislikes))
    if asks:
        _take_trending(basket, total, _outside(index, wishes, order))
        _take_trending(basket, total, order)
    else:
        usual = order is index.order
        _take_trending(basket, total, index.field_by_field if usual else index.spread(order))
    return basket.picks


def _outside(index: Index, wishes: Iterable[Interest], order: Iterable[int]) -> Iterator[int]:
    """The places of an order that no interest would take."""
    inside = np.zeros(len(index), bool)
    for wish in wishes:
        inside |= wish.inside
    return (place for place in order if not inside[place])


def _turned(wishes: list[Interest], turn: int) -> list[Interest]:
    """The followed authors, then the rest, each from another one on.

    The beginning is by chance: a fixed step would miss some for ever.
    """
    turned: list[Interest] = []
    for followed in (True, False):
        some = [wish for wish in wishes if (wish.kind == "author") is followed]
        first = Random(turn).randrange(len(some)) if len(some) > 1 else 0  # noqa: S311
        turned += some[first:] + some[:first]
    return turned


class Basket:
    """The picks so far, and what may still join them."""

    def __init__(self, index: Index, refused: set[int]) -> None:
        self.index = index
        self.refused = refused
        self.titles: set[str] = set()
        self.places: list[int] = []
        self.near: Scores = np.empty((0, 0), np.float32)
        self._closeness: dict[int, float] = {}
        self.picks: list[Pick] = []

    def know(self, told: Iterable[str]) -> None:
        """Remember the titles that the reader was told: the paper may stand in two rows."""
        rows = self.index.rows
        self.titles.update(self.index.title_of(rows[paper]) for paper in told if paper in rows)

    def look(self, places: Iterable[int]) -> None:
        """Work out together how close these candidates are."""
        new = [place for place in places if place not in self._closeness]
        if new and self.places:
            found = (self.near @ self.index.likeness.sketches[new].T).max(axis=0)
            self._closeness.update(zip(new, found.tolist(), strict=True))

    def closeness(self, place: int) -> float:
        """The cosine of a candidate with the nearest paper that is in already."""
        if not self.places:
            return 0.0
        if place not in self._closeness:
            self.look([place])
        return self._closeness[place]

    def may_take(self, place: int) -> bool:
        """Whether the paper is allowed and tells no story that is already in."""
        return (
            place not in self.refused
            and self.closeness(place) < LIKENESS_LIMIT
            and self.index.title_of(place) not in self.titles
        )

    def take(self, place: int, score: float, slot: Slot, reason: str) -> None:
        self.refused.add(place)
        self.titles.add(self.index.title_of(place))
        self.places.append(place)
        self.near = self.index.likeness.sketches[self.places]
        self._closeness.clear()
        paper = self.index.candidates[place].id
        self.picks.append(Pick(paper, round(score, 4), slot, reason))


class Queue:
    """What one interest still offers: places with percentile and score, best first."""

    def __init__(self, interest: Interest) -> None:
        self.interest = interest
        self.waiting: Iterator[tuple[int, float, float]] = interest.best()
        self.window: list[tuple[int, float, float]] = []
        self.top = 0.0

    def next(self, basket: Basket) -> tuple[int, float] | None:
        """The place and percentile of the best next paper, or None when nothing fits any more."""
        basket.look(place for place, *_ in self.window)
        self.window = [offer for offer in self.window if basket.may_take(offer[0])]
        while offers := list(islice(self.waiting, WINDOW - len(self.window))):
            if offers[-1][1] < self.interest.threshold:
                offers = [offer for offer in offers if offer[1] >= self.interest.threshold]
                self.waiting = iter(())
            basket.look(place for place, *_ in offers)
            for offer in offers:
                if basket.may_take(offer[0]):
                    self.top = self.top or offer[2]
                    self.window.append(offer)
        if not self.window:
            return None
        best = max(self.window, key=lambda offer: self._marginal(offer, basket))
        return best[0], best[1]

    def _marginal(self, offer: tuple[int, float, float], basket: Basket) -> float:
        place, _, score = offer
        relevance = score / self.top if self.top > 0 else 0.0
        return RELEVANCE * relevance - (1 - RELEVANCE) * basket.closeness(place)


def _take_in_turn(basket: Basket, wishes: Sequence[Interest], size: int) -> None:
    """One paper from each interest after the other, until all are full or dry."""
    queues = [Queue(interest) for interest in wishes]
    while queues and len(basket.picks) < size:
        queues = [queue for queue in queues if _take_next(basket, queue, size)]


def _take_next(basket: Basket, queue: Queue, size: int) -> bool:
    if len(basket.picks) >= size:
        return False
    found = queue.next(basket)
    if found is None:
        return False
    place, percentile = found
    basket.take(place, percentile, "personal", queue.interest.explain(place))
    return True


def _take_trending(basket: Basket, size: int, order: Iterable[int]) -> None:
    """Trending papers in this order until there are ``size``; one pick of the editor is enough."""
    index = basket.index
    picked = set(index.picked) if any(pick.slot == "pick" for pick in basket.picks) else set()
    offers = (place for place in order if place not in picked and basket.may_take(place))
    for place in islice(offers, max(0, size - len(basket.picks))):
        why = index.candidates[place].why
        basket.take(place, float(index.trending[place]), "trending", why)
