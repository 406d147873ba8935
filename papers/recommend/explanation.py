"""Explanation of why a paper is, or is not, in a digest, and which change would include it.

A change to the reader's choices is proposed only after the digest was composed with it and holds
the paper. Free of Django and of I/O.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np

from papers.recommend.diversify import (
    DUPLICATE_COSINE,
    RISING_DAYS,
    Periods,
    Pick,
    Selection,
    compose,
    quiet_fields,
    unanswered,
)
from papers.recommend.index import Index
from papers.recommend.profile import Profile
from papers.recommend.ranking import (
    RankedInterest,
    excluded_places,
    interests,
    known_likes,
)
from papers.recommend.sentence_match import LEAST_LIKE_COSINE, LEAST_SEARCH_DEVIATIONS

Field = Literal["topics", "interests", "likes", "authors", "muted", "dislikes", "names", "size"]
"""The fields of the preferences form."""
SIZES: Final = (5, 10, 20, 30)
"""Papers in a digest, as the form offers them."""
PROFILE_FIELDS: Final[dict[Field, str]] = {"interests": "texts"}
"""Fields whose name in a profile differs."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change to one field of the preferences form."""

    field: Field
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    def applied(self, profile: Profile) -> Profile:
        """Return a copy of a profile with this change."""
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
        rule: The rule that decided: ``pick``, ``personal`` or ``trending`` for a paper that is in;
            ``sent``, ``too old``, ``liked``, ``disliked``, ``own``, ``muted``, ``same story``,
            ``no interest``, ``weak match`` or ``outranked`` for one that is not.
        value: The value that the rule compared.
        threshold: The limit that it compared the value with.
        change: A change that would include the paper; None where no change to one field does.
    """

    paper: str
    included: bool
    rank: int | None
    rule: str
    value: float | str | None = None
    threshold: float | None = None
    change: Change | None = None


@dataclass(frozen=True, slots=True)
class DigestRequest:
    """The arguments of ``compose`` for one reader: see there."""

    profile: Profile
    size: int
    exclude: Collection[str] = ()
    turn: int = 0
    since: float | None = None

    def picks(self, index: Index) -> list[Pick]:
        """Return the papers of the digest."""
        return compose(index, self.profile, self.size, self.exclude, self.turn, self.since)

    def unanswered(self, index: Index) -> list[str]:
        """Return the searches that no new paper is about."""
        return unanswered(index, self.profile, self.since)

    def quiet_fields(self, index: Index) -> list[str]:
        """Return the chosen fields in which no paper is new."""
        return quiet_fields(index, self.profile, self.since)

    def with_change(self, change: Change) -> DigestRequest:
        """Return the request with changed choices."""
        if change.field == "size":
            return replace(self, size=int(change.add[0]))
        return replace(self, profile=change.applied(self.profile))


def explain(index: Index, request: DigestRequest, paper: str) -> Explanation:
    """Explain why one of the candidates is, or is not, in the digest of a reader."""
    picks = request.picks(index)
    for rank, pick in enumerate(picks, start=1):
        if pick.paper == paper:
            return Explanation(paper, True, rank, pick.slot, pick.score)
    place = index.place[paper]
    refused = _refusal(index, request, place)
    if refused is not None:
        return refused
    found = _why_not_chosen(index, request, picks, place)
    return replace(found, change=_helpful_change(index, request, place))


def _refusal(index: Index, request: DigestRequest, place: int) -> Explanation | None:
    """Return the hard rule that excludes a paper, or None."""
    paper, profile = index.candidates[place].id, request.profile
    if paper in request.exclude or _was_sent(index, request, place):
        return Explanation(paper, False, None, "sent")
    if not Periods(index, request.since).open[place]:
        days = float(index.age_hours[place]) / 24
        return Explanation(paper, False, None, "too old", round(days, 1), RISING_DAYS)
    for rule, change in _removals(index, profile, place):
        kept = _verified(index, request, change, paper)
        return Explanation(paper, False, None, rule, ", ".join(change.remove), None, kept)
    return None


def _was_sent(index: Index, request: DigestRequest, place: int) -> bool:
    """Return whether the reader got the same paper under another id."""
    selection = Selection(index, Periods(index, request.since), 1, set())
    selection.add_history(request.exclude)
    return selection.was_sent(place)


def _removals(index: Index, profile: Profile, place: int) -> Iterator[tuple[str, Change]]:
    """Yield each rule that excludes a paper by itself, with the change that would lift it."""
    paper = index.candidates[place].id
    if paper in profile.likes:
        yield "liked", Change("likes", remove=(paper,))
    if paper in profile.dislikes:
        yield "disliked", Change("dislikes", remove=(paper,))
    alone = Profile()
    own = [n for n in profile.names if place in excluded_places(index, replace(alone, names=[n]))]
    if own:
        yield "own", Change("names", remove=tuple(own))
    muted = [m for m in profile.muted if place in excluded_places(index, replace(alone, muted=[m]))]
    if muted:
        yield "muted", Change("muted", remove=tuple(muted))


def _why_not_chosen(
    index: Index, request: DigestRequest, picks: list[Pick], place: int
) -> Explanation:
    """Return why a paper that no hard rule excludes was not chosen."""
    paper = index.candidates[place].id
    chosen = [index.place[pick.paper] for pick in picks]
    sketches = index.similarity.sketches
    closeness = float((sketches[chosen] @ sketches[place]).max()) if chosen else 0.0
    fitting = [one for one in interests(index, request.profile) if one.inside[place]]
    among = Periods(index, request.since).open
    rank = min((_rank(one, among, place) for one in fitting), default=None)
    if closeness >= DUPLICATE_COSINE:
        return Explanation(paper, False, rank, "same story", round(closeness, 3), DUPLICATE_COSINE)
    if not fitting and index.can_answer(request.profile):
        near, least = _weak_match(index, request.profile, place)
        rule = "no interest" if near is None else "weak match"
        return Explanation(paper, False, None, rule, near, least)
    strengths = [float(one.strengths[place]) for one in fitting]
    value = max(strengths, default=float(index.trending[place]))
    if rank is None:
        rank = int((index.trending[among] > index.trending[place]).sum()) + 1
    least = min((pick.score for pick in picks), default=None)
    return Explanation(paper, False, rank, "outranked", round(value, 4), least)


def _weak_match(
    index: Index, profile: Profile, place: int
) -> tuple[float, float] | tuple[None, None]:
    """Return how near a paper whose words fit is by sentence vectors, and the least it must be.

    Deviations for a search, a cosine for likes; nothing for a paper whose words fit nothing.
    """
    if index.sentences is None:
        return None, None
    at = np.array([place])
    for text in profile.texts:
        found = index.searches.search(text)
        if found.clear[found.places == place].any():
            [vector] = index.sentences.encode([text])
            [near] = index.sentences.search_deviations(vector, at)
            return round(float(near), 2), LEAST_SEARCH_DEVIATIONS
    known = known_likes(index, profile)
    if known and index.similarity.fit(*known).above[place]:
        [near] = index.sentences.like_cosines(known[0], at)
        return round(float(near), 2), LEAST_LIKE_COSINE
    return None, None


def _rank(interest: RankedInterest, among: np.ndarray, place: int) -> int:
    """Return the rank of a paper in an interest; the best has 1."""
    better = among & (interest.scores > interest.scores[place])
    return int(better.sum()) + 1


def _helpful_change(index: Index, request: DigestRequest, place: int) -> Change | None:
    """Return the first change that would include the paper, or None."""
    document, profile = index.candidates[place], request.profile
    tried = [Change("topics", add=(document.field,))] if document.field else []
    tried += [Change("authors", add=(name,)) for name in document.authors[:1]]
    tried += [Change("interests", add=(f'"{document.title}"',))]
    sizes = [size for size in SIZES if size > request.size]
    tried += [Change("size", add=(str(size),), remove=(str(request.size),)) for size in sizes]
    for change in tried:
        if not set(change.add) & {*profile.topics, *profile.authors, *profile.texts}:
            found = _verified(index, request, change, document.id)
            if found is not None:
                return found
    return None


def _verified(index: Index, request: DigestRequest, change: Change, paper: str) -> Change | None:
    """Return the change if the digest composed with it holds the paper, else None."""
    picks = request.with_change(change).picks(index)
    return change if any(pick.paper == paper for pick in picks) else None
