"""The papers of one digest: what is new for this reader, and what rises or was missed.

Hard rules come first (already sent, muted, own papers). Then the editor's pick, the most trending
paper that fits, and the interests in turn, each by maximal marginal relevance (Carbonell and
Goldstein, SIGIR 1998):

    MMR(d) = RELEVANCE * score(d) / best score - (1 - RELEVANCE) * max cosine(d, chosen)

Which interest is next is decided by stride scheduling (Waldspurger and Weihl, 1995): the one with
the fewest places for its shares. Free of Django and of I/O.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from random import Random
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from papers.recommend.index import Index
from papers.recommend.profile import Profile
from papers.recommend.ranking import Interest, interests, unwanted
from papers.recommend.similarity import Scores

Slot = Literal["personal", "trending", "pick"]
Part = Literal["new", "rising"]
Mask = NDArray[np.bool_]
Places = NDArray[np.intp]

LIKENESS_LIMIT: Final = 0.6
"""Two papers closer than this cosine are one story; a digest tells it once."""
SENT_LIKENESS_LIMIT: Final = 0.85
"""A paper closer than that to one that was sent is the same paper again."""
MMR_WINDOW: Final = 6
"""So many of the best that are left compete for the next place."""
RELEVANCE: Final = 0.8
FIRST_DIGEST_DAYS: Final = 3
"""Days of announcements that are new to who never got a digest."""
RISING_DAYS: Final = 10
"""Days after its announcement in which a paper may rise or be caught up on."""
MOST_RISING: Final = 3
RISING_SHARE: Final = 3
"""One place in so many may go to the second part, up to ``MOST_RISING``."""
BACKLOG_HALF_LIFE_DAYS: Final = 4.0
MOST_OF_A_FIELD: Final = 0.4
"""The share of one field in the digest of who asked for nothing."""
FEW_FIELDS: Final = 3
"""Where there are fewer fields, none is bounded."""
EXCEPTIONAL: Final = 0.999
"""A paper outside every interest trends more than this share of the candidates."""
OUTSIDER_SIZE: Final = 5
"""Smaller digests hold no paper from outside the interests."""
MOST_UNASKED: Final = 2
"""Places left empty that go to trending papers, for readers who named no field."""


@dataclass(frozen=True, slots=True)
class Pick:
    """One chosen paper.

    Attributes:
        paper: Its id.
        score: Between 0 and 1: see ``Interest.strengths``; for a trending paper the share of the
            candidates that trend less.
        slot: Whether it is the editor's pick, answers an interest, or trends.
        reason: Why the reader gets it, in words.
        part: ``new`` since the last digest, or ``rising``: trending or missed, and older.
    """

    paper: str
    score: float
    slot: Slot
    reason: str
    part: Part = "new"


class Periods:
    """Which candidates are new to a reader, which may still rise, and which are ``open`` to both.

    ``since`` is when the reader got the last digest, in hours of the epoch; None for a first one.
    Days count back from the newest announcement that the index holds.
    """

    def __init__(self, index: Index, since: float | None) -> None:
        age = index.age_hours
        self.new: Mask = age < FIRST_DIGEST_DAYS * 24
        if since is not None:
            self.new = index.announced > since
        self.rising: Mask = ~self.new & (age < RISING_DAYS * 24)
        self.open: Mask = self.new | self.rising
        self.decay: Scores = np.asarray(0.5 ** (age / 24 / BACKLOG_HALF_LIFE_DAYS), np.float32)


def compose(
    index: Index,
    profile: Profile,
    size: int,
    exclude: Collection[str] = (),
    turn: int = 0,
    since: float | None = None,
) -> list[Pick]:
    """Return the papers of one digest, the new ones first, in each part the strongest first.

    Never chosen: papers of the profile itself, the reader's own, whatever the reader muted, and
    what is older than the periods allow. Fewer papers than asked for are better than old ones.

    Args:
        index: The candidates.
        profile: What the reader asked for. Likes whose text is still to be fetched ask for
            nothing.
        size: The most papers.
        exclude: Ids that this reader already got.
        turn: Changes from digest to digest and says which interest begins.
        since: When the reader got the last digest, in hours of the epoch; None for a first one.
    """
    if size < 1 or not len(index):
        return []
    periods = Periods(index, since)
    basket = Basket(index, periods, size, unwanted(index, profile, exclude))
    basket.know([*exclude, *profile.likes, *profile.dislikes])
    for place in index.picked:
        if not basket.picks and basket.may_take(place):
            basket.take(place, float(index.trending[place]), "pick", "the editor's pick")
    dislikes = index.rows_of(profile.dislikes)
    if index.can_answer(profile):
        wishes = _turned(list(interests(index, profile)), turn)
        _take_for_interests(basket, wishes, index.order_for(dislikes), bool(profile.topics))
    else:
        _take_trending(basket, index.order_for(dislikes))
    return basket.in_order()


def unanswered(index: Index, profile: Profile, since: float | None = None) -> list[str]:
    """Return the searches of a reader that no new paper is about: see ``compose``."""
    if not len(index):
        return []
    new = Periods(index, since).new
    return [text for text in profile.texts if not new[index.searches.of(text).places].any()]


def quiet_fields(index: Index, profile: Profile, since: float | None = None) -> list[str]:
    """Return the chosen fields in which no paper is new: see ``compose``."""
    if not len(index):
        return []
    new = Periods(index, since).new
    return [topic for topic in profile.topics if not new[index.inside(topic)].any()]


def _turned(wishes: list[Interest], turn: int) -> list[Interest]:
    """Return the interests from another one on.

    The beginning is by chance: a fixed step would miss some for ever.
    """
    first = Random(turn).randrange(len(wishes)) if len(wishes) > 1 else 0  # noqa: S311
    return wishes[first:] + wishes[:first]


class Basket:
    """The picks so far, and what may still join them."""

    def __init__(self, index: Index, periods: Periods, size: int, refused: set[int]) -> None:
        self.index = index
        self.periods = periods
        self.size = size
        self.rising_left = min(MOST_RISING, size // RISING_SHARE)
        self.refused = refused
        self.titles: set[str] = set()
        self.places: list[int] = []
        self.abstracts: set[str] = set()
        self.sent: Scores = np.empty((0, 0), np.float32)
        self.near: Scores = np.empty((0, 0), np.float32)
        self._closeness: dict[int, float] = {}
        self.picks: list[Pick] = []

    @property
    def is_full(self) -> bool:
        """Whether there is no place left."""
        return len(self.picks) >= self.size

    def know(self, told: Iterable[str]) -> None:
        """Remember what the reader was told: the paper may stand in two rows."""
        rows = list(self.index.rows_of(told))
        self.titles.update(self.index.title_of(row) for row in rows)
        self.abstracts = {self.index.documents[row].abstract for row in rows} - {""}
        shown = [row for row in rows if row < len(self.index)]
        if shown:
            self.sent = self.index.similarity.sketches[shown]

    def look(self, places: Iterable[int]) -> None:
        """Compare these candidates with the chosen ones together."""
        new = [place for place in places if place not in self._closeness]
        if new and self.places:
            found = (self.near @ self.index.similarity.sketches[new].T).max(axis=0)
            self._closeness.update(zip(new, found.tolist(), strict=True))

    def closeness(self, place: int) -> float:
        """Return the cosine of a candidate with the nearest paper that is in already."""
        if not self.places:
            return 0.0
        if place not in self._closeness:
            self.look([place])
        return self._closeness[place]

    def may_take(self, place: int) -> bool:
        """Whether the paper is allowed, its part has room, and its story was not told."""
        return (
            place not in self.refused
            and (self.rising_left > 0 or not self.periods.rising[place])
            and self.closeness(place) < LIKENESS_LIMIT
            and self.index.title_of(place) not in self.titles
            and not self.was_sent(place)
        )

    def was_sent(self, place: int) -> bool:
        """Whether it is, under another title or id, a paper that the reader got."""
        if self.index.candidates[place].abstract in self.abstracts:
            return True
        if not len(self.sent):
            return False
        sketch = self.index.similarity.sketches[place]
        return float((self.sent @ sketch).max()) > SENT_LIKENESS_LIMIT

    def take(self, place: int, score: float, slot: Slot, reason: str) -> None:
        """Add a paper."""
        self.refused.add(place)
        self.titles.add(self.index.title_of(place))
        self.places.append(place)
        self.near = self.index.similarity.sketches[self.places]
        self._closeness.clear()
        part: Part = "new" if self.periods.new[place] else "rising"
        self.rising_left = max(0, self.rising_left - (part == "rising"))
        paper = self.index.candidates[place].id
        self.picks.append(Pick(paper, round(score, 4), slot, reason, part))

    def take_trending(self, place: int) -> None:
        """Add a paper because it trends."""
        why = self.index.candidates[place].why
        self.take(place, float(self.index.trending[place]), "trending", why)

    def in_order(self) -> list[Pick]:
        """Return the picks: the editor's, the new ones, the rising ones; the strongest first."""
        order = {"pick": 0, "personal": 1, "trending": 2}
        return sorted(
            self.picks,
            key=lambda one: (one.slot != "pick", one.part != "new", -one.score, order[one.slot]),
        )


@dataclass(slots=True, eq=False)
class Queue:
    """What one interest still offers among some candidates, best first.

    ``taken`` is how many places the interest has had, in both parts of the digest.
    """

    interest: Interest
    waiting: Iterator[int]
    taken: int
    window: list[int] = field(default_factory=list)

    @property
    def next_turn(self) -> tuple[float, bool]:
        """The place in the schedule of its next paper; an author waits where others are as far."""
        is_author = self.interest.kind == "author"
        if is_author and not self.taken:
            return 0.0, True
        return (self.taken + 1) / self.interest.shares, is_author

    def next(self, basket: Basket) -> int | None:
        """Return the place of the best next paper, or None when nothing fits any more."""
        basket.look(self.window)
        self.window = [place for place in self.window if basket.may_take(place)]
        while offers := list(islice(self.waiting, MMR_WINDOW - len(self.window))):
            basket.look(offers)
            self.window += [place for place in offers if basket.may_take(place)]
        if not self.window:
            return None
        scores = self.interest.scores
        top = max(float(scores[place]) for place in self.window)
        return max(
            self.window,
            key=lambda place: (
                RELEVANCE * (float(scores[place]) / top if top > 0 else 0.0)
                - (1 - RELEVANCE) * basket.closeness(place)
            ),
        )


def _take_for_interests(
    basket: Basket, wishes: Sequence[Interest], order: Places, named_fields: bool
) -> None:
    """Fill a digest for who asked for something.

    The most trending paper that fits comes first, and one from outside if it trends
    exceptionally; then the interests in turn, first with what is new, then with the backlog.
    Places left empty go to what trends, a few only, where the reader named no field.
    """
    index, periods = basket.index, basket.periods
    inside = np.zeros(len(index), bool)
    for wish in wishes:
        inside |= wish.inside
    grown = order[(periods.open & index.grown)[order]]
    if basket.size > 1:
        _take_first(basket, grown[inside[grown]])
    if basket.size >= OUTSIDER_SIZE:
        _take_first(basket, grown[~inside[grown] & (index.trending[grown] >= EXCEPTIONAL)])
    taken = [0] * len(wishes)
    _take_in_turn(basket, wishes, taken, basket.size - basket.rising_left, periods.new)
    backlog = [wish.decayed(periods.decay) for wish in wishes]
    _take_in_turn(basket, backlog, taken, basket.size, periods.rising)
    _take_in_turn(basket, wishes, taken, basket.size, periods.new)
    if not named_fields:
        for _ in range(MOST_UNASKED):
            _take_first(basket, grown[periods.new[grown]])


def _take_first(basket: Basket, order: Places) -> None:
    """Take the first of these that may join, because it trends."""
    found = next(filter(basket.may_take, map(int, order)), None)
    if found is not None and not basket.is_full:
        basket.take_trending(found)


def _take_in_turn(
    basket: Basket, wishes: Sequence[Interest], taken: list[int], size: int, among: Mask
) -> None:
    """Give the interests places in turn, by their shares, until all are full or empty.

    ``taken`` counts the places of each and is brought up to date.
    """
    queues = [Queue(wish, wish.best(among), had) for wish, had in zip(wishes, taken, strict=True)]
    waiting = list(range(len(queues)))
    while waiting and len(basket.picks) < size:
        number = min(waiting, key=lambda one: queues[one].next_turn)
        queue = queues[number]
        place = queue.next(basket)
        if place is None:
            waiting.remove(number)
            continue
        interest = queue.interest
        queue.taken += 1
        taken[number] += 1
        basket.take(place, float(interest.strengths[place]), "personal", interest.explain(place))


def _take_trending(basket: Basket, order: Places) -> None:
    """Fill a digest by trend, for who asked for nothing: few of one field, voted ones first."""
    index = basket.index
    candidates = index.candidates
    bounded = len(index.fields) >= FEW_FIELDS
    most = math.ceil(MOST_OF_A_FIELD * basket.size) if bounded else basket.size
    taken = Counter(candidates[place].field for place in basket.places)
    places = order[basket.periods.open[order]]
    for grown in (True, False):
        for place in map(int, places[index.grown[places] == grown]):
            if basket.is_full:
                return
            name = candidates[place].field
            if not (name and taken[name] >= most) and basket.may_take(place):
                taken[name] += 1
                basket.take_trending(place)
