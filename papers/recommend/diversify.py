"""Selection of the papers of one digest: new ones, and older ones that trend or were missed.

Hard rules come first (already sent, muted, own papers). Then come the editor's pick, the most
trending paper that fits, and the interests in turn, each by maximal marginal relevance (Carbonell
and Goldstein, SIGIR 1998):

    MMR(d) = RELEVANCE_WEIGHT * score(d) / best score
             - (1 - RELEVANCE_WEIGHT) * max cosine(d, chosen)

Which interest is next is decided by stride scheduling (Waldspurger and Weihl, 1995): the one with
the fewest places in proportion to its shares. Free of Django and of I/O.
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

from papers.recommend.closeness import Closeness
from papers.recommend.index import Index
from papers.recommend.profile import Profile
from papers.recommend.ranking import (
    RankedInterest,
    excluded_places,
    field_reason,
    interests,
)
from papers.recommend.similarity import Scores

Slot = Literal["personal", "trending", "pick"]
Part = Literal["new", "rising"]
Mask = NDArray[np.bool_]
Places = NDArray[np.intp]

DUPLICATE_COSINE: Final = 0.6
"""From this cosine on, two papers are near duplicates; a digest holds one of them."""
SENT_DUPLICATE_COSINE: Final = 0.85
"""A paper with a higher cosine to one that was sent is that paper in another version."""
MMR_WINDOW: Final = 6
"""The remaining best papers of an interest that MMR chooses from."""
LOOK_AHEAD: Final = 8
"""Papers of an interest that are compared with others at once."""
RELEVANCE_WEIGHT: Final = 0.8
"""Lambda of MMR: the weight of the score against the redundancy, between 0 and 1."""
FIRST_DIGEST_DAYS: Final = 3
"""Days of announcements that are new in a first digest."""
RISING_DAYS: Final = 10
"""Days after its announcement in which a paper that is not new may still be chosen."""
MOST_RISING: Final = 3
"""The most papers of a digest that are not new."""
PLACES_PER_RISING: Final = 3
"""Of so many places one may go to a paper that is not new, up to ``MOST_RISING``."""
MOST_FIELD_SHARE: Final = 0.4
"""The most places of one field, as a share, in a digest for a reader without interests."""
LEAST_FIELDS: Final = 3
"""With fewer fields among the candidates there is no such limit."""
MENTION_WEIGHT: Final = 0.5
"""Weight of the trend of a paper that fits a search no further than part of its title does."""
MOST_OUTSIDERS: Final = 1
"""Papers from outside the interests in a digest that has others,"""
LEAST_BESIDE_OUTSIDER: Final = 4
"""and the fewest others beside it."""


@dataclass(frozen=True, slots=True)
class Pick:
    """One chosen paper.

    Attributes:
        paper: Its id.
        score: Between 0 and 1: see ``RankedInterest.strengths``; for a trending paper the share
            of the candidates that trend less.
        slot: Whether it is the editor's pick, fits an interest, or trends.
        reason: The reason that the digest gives for it.
        part: ``new`` since the last digest, or ``rising``: trending or missed, and older.
    """

    paper: str
    score: float
    slot: Slot
    reason: str
    part: Part = "new"


class Periods:
    """The candidates by age, for one reader.

    Days count back from the newest announcement that the index holds.

    Attributes:
        first: Whether the reader got none yet.
        new: Which candidates were announced since the last digest.
        rising: Which are older and may still be chosen.
        open: Which are either.
        decay: For each candidate, the factor of its strength by age.
    """

    def __init__(self, index: Index, since: float | None) -> None:
        """Sort the candidates; ``since`` is the time of the last digest: see ``compose``."""
        age = index.age_hours
        self.first = not since
        self.new: Mask = age < FIRST_DIGEST_DAYS * 24
        if since is not None:
            self.new = index.announced > since
        self.rising: Mask = ~self.new & (age < RISING_DAYS * 24)
        self.open: Mask = self.new | self.rising
        self.decay = index.decay


def compose(
    index: Index,
    profile: Profile,
    size: int,
    exclude: Collection[str] = (),
    turn: int = 0,
    since: float | None = None,
) -> list[Pick]:
    """Return the papers of one digest, the new ones first, in each part the strongest first.

    Never chosen are the papers of the profile, the reader's own, muted ones, and those older than
    the periods allow; rather than choose old papers, the digest stays short.

    Args:
        index: The candidates.
        profile: The reader's choices. Likes whose text is still to be fetched do not count.
        size: The most papers.
        exclude: Ids of the papers that the reader already got.
        turn: The number of the digest; decides which interest comes first.
        since: When the reader got the last digest, in hours of the epoch; None for a first one.
    """
    if size < 1 or not len(index):
        return []
    periods = Periods(index, since)
    selection = Selection(index, periods, size, excluded_places(index, profile, exclude))
    selection.add_history([*exclude, *profile.likes, *profile.dislikes])
    for place in index.picked:
        if not selection.picks and selection.accepts(place):
            selection.add(place, float(index.trending[place]), "pick", "the editor’s pick")
    if index.can_answer(profile):
        wanted = _rotated(list(interests(index, profile)), turn)
        _take_for_interests(selection, wanted, profile)
    else:
        _take_trending(selection, index.trending_order(index.rows_of(profile.dislikes)))
    return selection.ordered()


def unanswered(index: Index, profile: Profile, since: float | None = None) -> list[str]:
    """Return the searches of a reader that no new paper is about: see ``compose``."""
    if not len(index):
        return []
    new = Periods(index, since).new
    return [text for text in profile.texts if not new[index.search(text).clear_places].any()]


def quiet_fields(index: Index, profile: Profile, since: float | None = None) -> list[str]:
    """Return the chosen fields in which no paper is new: see ``compose``."""
    if not len(index):
        return []
    new = Periods(index, since).new
    return [topic for topic in profile.topics if not new[index.places_in_field(topic)].any()]


def _rotated(wanted: list[RankedInterest], turn: int) -> list[RankedInterest]:
    """Return the interests rotated to a pseudo-random start; a fixed step would skip some."""
    first = Random(turn).randrange(len(wanted)) if len(wanted) > 1 else 0  # noqa: S311
    return wanted[first:] + wanted[:first]


class Selection:
    """The papers chosen so far, and the rules for adding another."""

    def __init__(self, index: Index, periods: Periods, size: int, excluded: set[int]) -> None:
        self.index = index
        self.periods = periods
        self.size = size
        self.rising_left = min(MOST_RISING, size // PLACES_PER_RISING)
        self.excluded = excluded
        self.known_titles: set[str] = set()
        self.places: list[int] = []
        self.sent_abstracts: set[str] = set()
        self._closeness = Closeness(index.similarity.sketches)
        self.picks: list[Pick] = []

    @property
    def is_full(self) -> bool:
        """Whether the digest has its size."""
        return len(self.picks) >= self.size

    def add_history(self, papers: Iterable[str]) -> None:
        """Add papers that the reader knows, to refuse them under another id or title too."""
        rows = list(self.index.rows_of(papers))
        self.known_titles.update(self.index.title_of(row) for row in rows)
        self.sent_abstracts = {self.index.documents[row].abstract for row in rows} - {""}
        self._closeness.add_sent([row for row in rows if row < len(self.index)])

    def compare(self, places: Sequence[int]) -> None:
        """Compute ``closeness`` for some candidates in one product."""
        self._closeness.compare(places)

    def closeness(self, place: int) -> float:
        """Return the largest cosine of a candidate with a chosen paper."""
        return self._closeness.to_chosen(place)

    def accepts(self, place: int) -> bool:
        """Return whether a paper is allowed, its part has room, and it duplicates none."""
        return (
            place not in self.excluded
            and (self.rising_left > 0 or not self.periods.rising[place])
            and self.closeness(place) < DUPLICATE_COSINE
            and self.index.title_of(place) not in self.known_titles
            and not self.was_sent(place)
        )

    def was_sent(self, place: int) -> bool:
        """Return whether the reader got this paper under another title or id."""
        if self.index.candidates[place].abstract in self.sent_abstracts:
            return True
        return self._closeness.to_sent(place) > SENT_DUPLICATE_COSINE

    def add(self, place: int, score: float, slot: Slot, reason: str) -> None:
        """Add a paper."""
        self.excluded.add(place)
        self.known_titles.add(self.index.title_of(place))
        self.places.append(place)
        self._closeness.choose(place)
        part: Part = "new" if self.periods.new[place] else "rising"
        self.rising_left = max(0, self.rising_left - (part == "rising"))
        paper = self.index.candidates[place].id
        self.picks.append(Pick(paper, round(score, 4), slot, reason, part))

    def add_trending(self, place: int) -> None:
        """Add a paper because it trends."""
        document = self.index.candidates[place]
        plain = bool(document.field) and not (document.evidence or document.picked)
        why = field_reason(self.index, document.field, place) if plain else document.why
        self.add(place, float(self.index.trending[place]), "trending", why)

    def ordered(self) -> list[Pick]:
        """Return the editor's pick, then the new papers, then the rising; the strongest first."""
        order = {"pick": 0, "personal": 1, "trending": 2}
        return sorted(
            self.picks,
            key=lambda one: (one.slot != "pick", one.part != "new", -one.score, order[one.slot]),
        )


@dataclass(slots=True, eq=False)
class InterestQueue:
    """The papers of one interest that are not chosen yet.

    Attributes:
        interest: The interest.
        waiting: The places that were not considered yet, best first.
        taken: How many places of the digest the interest has, in both parts.
        window: The places that MMR chooses from next.
        ahead: The places behind them, the next one last.
    """

    interest: RankedInterest
    waiting: Iterator[int]
    taken: int
    window: list[int] = field(default_factory=list)
    ahead: list[int] = field(default_factory=list)

    @property
    def schedule_key(self) -> tuple[float, bool]:
        """The stride of the next paper, the least first; authors after others of the same."""
        is_author = self.interest.kind == "author"
        if is_author and not self.taken:
            return 0.0, True
        return (self.taken + 1) / self.interest.shares, is_author

    def best_next(self, selection: Selection) -> int | None:
        """Return the place with the highest MMR, or None where no paper is acceptable."""
        self.window = [place for place in self.window if selection.accepts(place)]
        while len(self.window) < MMR_WINDOW and (self.ahead or self._look_ahead(selection)):
            place = self.ahead.pop()
            if selection.accepts(place):
                self.window.append(place)
        if not self.window:
            return None
        scores = dict(zip(self.window, self.interest.scores[self.window].tolist(), strict=True))
        top = max(scores.values())
        return max(
            self.window,
            key=lambda place: (
                RELEVANCE_WEIGHT * (scores[place] / top if top > 0 else 0.0)
                - (1 - RELEVANCE_WEIGHT) * selection.closeness(place)
            ),
        )

    def _look_ahead(self, selection: Selection) -> bool:
        """Fetch and compare the next places in one product; return whether there are any."""
        self.ahead = list(islice(self.waiting, LOOK_AHEAD))
        selection.compare(self.ahead)
        self.ahead.reverse()
        return bool(self.ahead)


def _take_for_interests(
    selection: Selection, wanted: Sequence[RankedInterest], profile: Profile
) -> None:
    """Fill a digest for a reader with interests.

    The most trending paper that fits comes first, then the interests in turn, first with what is
    new, then with the backlog. One paper from outside follows if it trends exceptionally and
    ``LEAST_BESIDE_OUTSIDER`` papers fit. Where none fits and the reader named no field, a new one
    that trends exceptionally is chosen instead, in a first digest the most trending one.
    """
    index, periods = selection.index, selection.periods
    order = index.trending_order(index.rows_of(profile.dislikes))
    grown = order[(periods.open & index.grown)[order]]
    weights = _trend_weights(index, wanted, profile)
    outside = grown[(weights[grown] == 0) & index.is_exceptional[grown]]
    outside = outside[: MOST_OUTSIDERS * (selection.size > LEAST_BESIDE_OUTSIDER)]
    if selection.size > 1:
        fitting = grown[weights[grown] > 0]
        trend = (index.trend_scores * weights)[fitting]
        _take_first(selection, fitting[np.argsort(-trend, kind="stable")])
    places = selection.size - len(outside)
    taken = [0] * len(wanted)
    _take_in_turn(selection, wanted, taken, places - selection.rising_left, periods.new)
    backlog = [one.decayed(periods.decay) for one in wanted]
    _take_in_turn(selection, backlog, taken, places, periods.rising)
    _take_in_turn(selection, wanted, taken, places, periods.new)
    if len(selection.picks) >= LEAST_BESIDE_OUTSIDER:
        _take_first(selection, outside)
    if not (profile.topics or selection.picks):
        new = grown[periods.new[grown]]
        _take_first(selection, new if periods.first else new[index.is_exceptional[new]])


def _trend_weights(index: Index, wanted: Sequence[RankedInterest], profile: Profile) -> Scores:
    """Return for each candidate the weight of its trend for a reader; 0 for one from outside."""
    weights = np.zeros(len(index), np.float32)
    for text in profile.texts:
        search = index.search(text)
        weights[search.places[search.titled]] = MENTION_WEIGHT
    for one in wanted:
        weights[one.inside] = 1.0
    if profile.dislikes:
        weights *= 1 - index.dislike_penalty(index.rows_of(profile.dislikes))
    return weights


def _take_first(selection: Selection, order: Places) -> None:
    """Add the first acceptable paper, as a trending one, if there is room."""
    found = next(filter(selection.accepts, map(int, order)), None)
    if found is not None and not selection.is_full:
        selection.add_trending(found)


def _take_in_turn(
    selection: Selection, wanted: Sequence[RankedInterest], taken: list[int], size: int, among: Mask
) -> None:
    """Add papers of the interests in turn, by their shares, until ``size`` or none is left.

    Args:
        selection: The digest so far.
        wanted: The interests.
        taken: How many places each of them has; updated in place.
        size: The number of papers to stop at.
        among: Which candidates to choose from.
    """
    queues = [
        InterestQueue(one, one.best(among), had) for one, had in zip(wanted, taken, strict=True)
    ]
    waiting = list(range(len(queues)))
    while waiting and len(selection.picks) < size:
        number = min(waiting, key=lambda one: queues[one].schedule_key)
        queue = queues[number]
        place = queue.best_next(selection)
        if place is None:
            waiting.remove(number)
            continue
        interest = queue.interest
        queue.taken += 1
        taken[number] += 1
        selection.add(place, float(interest.strengths[place]), "personal", interest.explain(place))


def _take_trending(selection: Selection, order: Places) -> None:
    """Fill a digest by trend: papers with votes first, and a limited share of each field."""
    index = selection.index
    candidates = index.candidates
    bounded = len(index.fields) >= LEAST_FIELDS
    most = math.ceil(MOST_FIELD_SHARE * selection.size) if bounded else selection.size
    taken = Counter(candidates[place].field for place in selection.places)
    places = order[selection.periods.open[order]]
    for grown in (True, False):
        for place in map(int, places[index.grown[places] == grown]):
            if selection.is_full:
                return
            name = candidates[place].field
            if not (name and taken[name] >= most) and selection.accepts(place):
                taken[name] += 1
                selection.add_trending(place)
