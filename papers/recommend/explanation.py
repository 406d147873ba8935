"""Why a paper is, or is not, in a reader's digest, and what would change that.

The answer is found by the code that chooses: a change to the choices is proposed only after the
digest with that change was composed and holds the paper. Free of Django and of I/O.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np

from papers.recommend.diversify import (
    LIKENESS_LIMIT,
    RISING_DAYS,
    Basket,
    Periods,
    Pick,
    compose,
    quiet_fields,
    unanswered,
)
from papers.recommend.index import Index
from papers.recommend.profile import Profile
from papers.recommend.ranking import Interest, interests, unwanted

Field = Literal["topics", "interests", "likes", "authors", "muted", "dislikes", "names", "size"]
"""The fields of the preferences form."""
SIZES: Final = (5, 10, 20, 30)
PROFILE_FIELDS: Final[dict[Field, str]] = {"interests": "texts"}
"""Fields that a profile calls otherwise."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change to one field of the preferences form."""

    field: Field
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    def applied(self, profile: Profile) -> Profile:
        """Return a profile with this change."""
        name = PROFILE_FIELDS.get(self.field, self.field)
        kept = [one for one in getattr(profile, name) if one not in self.remove]
        changed: dict[str, Any] = {name: [*kept, *self.add]}
        return replace(profile, **changed)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whether a paper is in a digest, and the rule that decided.

    Attributes:
        paper: Its id.
        included: Whether the digest holds it.
        rank: Its place in the digest; for one left out, its place in the interest it fits best,
            None where it fits none.
        rule: What decided: ``pick``, ``personal`` or ``trending`` for a paper that is in;
            ``sent``, ``too old``, ``liked``, ``disliked``, ``own``, ``muted``, ``same story``,
            ``no interest`` or ``outranked`` for one that is not.
        value: What the rule measured.
        threshold: What the value was compared with.
        change: What would let the paper in; None where no change to one field does.
    """

    paper: str
    included: bool
    rank: int | None
    rule: str
    value: float | str | None = None
    threshold: float | None = None
    change: Change | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What ``compose`` is asked for one reader: see there."""

    profile: Profile
    size: int
    exclude: Collection[str] = ()
    turn: int = 0
    since: float | None = None

    def picks(self, index: Index) -> list[Pick]:
        """Return the digest."""
        return compose(index, self.profile, self.size, self.exclude, self.turn, self.since)

    def unanswered(self, index: Index) -> list[str]:
        """Return the searches that no new paper is about."""
        return unanswered(index, self.profile, self.since)

    def quiet_fields(self, index: Index) -> list[str]:
        """Return the chosen fields in which no paper is new."""
        return quiet_fields(index, self.profile, self.since)

    def with_change(self, change: Change) -> Asked:
        """Return the same for changed choices."""
        if change.field == "size":
            return replace(self, size=int(change.add[0]))
        return replace(self, profile=change.applied(self.profile))


def explain(index: Index, asked: Asked, paper: str) -> Explanation:
    """Explain why one of the candidates is, or is not, in the digest of a reader."""
    picks = asked.picks(index)
    for rank, pick in enumerate(picks, start=1):
        if pick.paper == paper:
            return Explanation(paper, True, rank, pick.slot, pick.score)
    place = index.place[paper]
    refused = _refusal(index, asked, place)
    if refused is not None:
        return refused
    found = _outcome(index, asked, picks, place)
    return replace(found, change=_change(index, asked, place))


def _refusal(index: Index, asked: Asked, place: int) -> Explanation | None:
    """Return which hard rule keeps a paper away, if one does."""
    paper, profile = index.candidates[place].id, asked.profile
    if paper in asked.exclude or _edition_sent(index, asked, place):
        return Explanation(paper, False, None, "sent")
    if not Periods(index, asked.since).open[place]:
        days = float(index.age_hours[place]) / 24
        return Explanation(paper, False, None, "too old", round(days, 1), RISING_DAYS)
    for rule, change in _removals(index, profile, place):
        kept = _true_or_none(index, asked, change, paper)
        return Explanation(paper, False, None, rule, ", ".join(change.remove), None, kept)
    return None


def _edition_sent(index: Index, asked: Asked, place: int) -> bool:
    """Whether the reader got the same paper under another id."""
    basket = Basket(index, Periods(index, asked.since), 1, set())
    basket.know(asked.exclude)
    return basket.was_sent(place)


def _removals(index: Index, profile: Profile, place: int) -> Iterator[tuple[str, Change]]:
    """Yield the choices that keep a paper away by themselves."""
    paper = index.candidates[place].id
    if paper in profile.likes:
        yield "liked", Change("likes", remove=(paper,))
    if paper in profile.dislikes:
        yield "disliked", Change("dislikes", remove=(paper,))
    alone = Profile()
    own = [n for n in profile.names if place in unwanted(index, replace(alone, names=[n]))]
    if own:
        yield "own", Change("names", remove=tuple(own))
    muted = [m for m in profile.muted if place in unwanted(index, replace(alone, muted=[m]))]
    if muted:
        yield "muted", Change("muted", remove=tuple(muted))


def _outcome(index: Index, asked: Asked, picks: list[Pick], place: int) -> Explanation:
    """Return what decided against a paper that no hard rule keeps away."""
    paper = index.candidates[place].id
    chosen = [index.place[pick.paper] for pick in picks]
    sketches = index.similarity.sketches
    closeness = float((sketches[chosen] @ sketches[place]).max()) if chosen else 0.0
    fitting = [one for one in interests(index, asked.profile) if one.inside[place]]
    among = Periods(index, asked.since).open
    rank = min((_rank(one, among, place) for one in fitting), default=None)
    if closeness >= LIKENESS_LIMIT:
        return Explanation(paper, False, rank, "same story", round(closeness, 3), LIKENESS_LIMIT)
    if not fitting and index.can_answer(asked.profile):
        return Explanation(paper, False, None, "no interest")
    strengths = [float(one.strengths[place]) for one in fitting]
    value = max(strengths, default=float(index.trending[place]))
    if rank is None:
        rank = int((index.trending[among] > index.trending[place]).sum()) + 1
    least = min((pick.score for pick in picks), default=None)
    return Explanation(paper, False, rank, "outranked", round(value, 4), least)


def _rank(interest: Interest, among: np.ndarray, place: int) -> int:
    """Return the place of a paper in an interest, from one on."""
    better = among & (interest.scores > interest.scores[place])
    return int(better.sum()) + 1


def _change(index: Index, asked: Asked, place: int) -> Change | None:
    """Return a choice that would let the paper in, tried out; None where none was found."""
    document, profile = index.candidates[place], asked.profile
    tried = [Change("topics", add=(document.field,))] if document.field else []
    tried += [Change("authors", add=(name,)) for name in document.authors[:1]]
    tried += [Change("interests", add=(f'"{document.title}"',))]
    sizes = [size for size in SIZES if size > asked.size]
    tried += [Change("size", add=(str(size),), remove=(str(asked.size),)) for size in sizes]
    for change in tried:
        if not set(change.add) & {*profile.topics, *profile.authors, *profile.texts}:
            found = _true_or_none(index, asked, change, document.id)
            if found is not None:
                return found
    return None


def _true_or_none(index: Index, asked: Asked, change: Change, paper: str) -> Change | None:
    """Return a change if the digest composed with it holds the paper."""
    picks = asked.with_change(change).picks(index)
    return change if any(pick.paper == paper for pick in picks) else None
