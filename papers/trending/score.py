"""What is trending: what happened to a paper lately, not how much it ever collected.

The arithmetic alone: papers and readings in, scores and their parts out. Free of Django and of
I/O. ``papers/formula.py`` says in words what the code does, for the public page.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from papers.trending import prior
from papers.trending.growth import HALF_LIFE, Calendar, Growth, Readings, exposure, grow

AGE_LIMIT_DAYS: Final = 30
START: Final = 0.125
"""What a new paper starts with, in days of an ordinary paper."""
COMMENT_WEIGHT: Final = 0.1
CEILING: Final = 6.0
"""What a source can give at most, in days of an ordinary paper."""
AGREEING: Final = 0.5
"""What each of two sources must give to agree."""
AGREEMENT: Final = 1.25
PICK: Final = 1.0
PICK_SPEAKS: Final = 0.25
"""An editor speaks for a paper until the pick has faded to this."""
PODIUM: Final = 3
VOUCHED: Final = 2
"""The standing of a paper on which two sources agree or for which an editor speaks."""
TELLING: Final = 0.25
"""Growth that is worth less, in days of an ordinary paper, says nothing about a paper."""
ROOM: Final = 2.0
EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Entrants:
    """The papers in the competition, a column each, in the order of their listings.

    Times are hours of the epoch; ``picked`` is not a number where no editor picked the paper.
    ``features`` are those of ``papers.trending.prior``.
    """

    announced: NDArray[np.float64]
    picked: NDArray[np.float64]
    fields: Sequence[str]
    features: NDArray[np.float64]


class Scored(NamedTuple):
    """Scores, and the parts of each: what is shown on the page of a paper."""

    scores: list[float]
    parts: list[dict[str, Any]]


def hours(moment: datetime) -> float:
    """A time as hours of the epoch."""
    return moment.timestamp() / 3600


def score(papers: Entrants, readings: Readings) -> Scored:
    """The scores of all papers at the time of the last reading, and their parts."""
    if not len(papers.announced):
        return Scored([], [])
    calendar = Calendar.of(papers.announced)
    names, field = np.unique(np.array(papers.fields), return_inverse=True)
    growth = grow(readings, papers.announced, field.astype(np.int64), calendar)
    age = calendar.age(papers.announced)
    expected = _expected(papers, readings, growth, calendar)
    start = START * expected * 0.5 ** (age / HALF_LIFE) / _attention(growth, age)
    given = _given(readings, growth.worth, growth, len(age))
    picked = np.nan_to_num(papers.picked)
    pick = np.where(picked > 0, PICK * 0.5 ** (calendar.age(picked) / HALF_LIFE), 0.0)
    agreed = (_given(readings, growth.sound, growth, len(age)) >= AGREEING).sum(axis=1) > 1
    merit = (start + given.sum(axis=1) + pick) * np.where(agreed, AGREEMENT, 1.0)
    merit *= 1 - 1e-6 * _positions(age)
    room = _room(merit, field, len(names))
    standing = _standing(readings, growth, given, agreed, pick)
    scores, first, lifted = _podium(merit * room, standing)
    cut = np.maximum(_by_paper(readings, growth.worth, growth, len(age)) - given.sum(axis=1), 0)
    unconfirmed = first & (standing < VOUCHED)
    columns = _Columns(age, expected, start, cut, pick, agreed, room, lifted, unconfirmed)
    return Scored(np.round(scores, 9).tolist(), _parts(papers, readings, growth, columns))


def _expected(
    papers: Entrants, readings: Readings, growth: Growth, calendar: Calendar
) -> NDArray[np.float64]:
    """How well each paper should do, learnt from those announced on earlier days."""
    votes = np.full(len(papers.announced), np.nan)
    place = np.array([name == "upvotes" for _, name in readings.names], bool)
    of_votes = place[growth.series] if len(place) else np.zeros(0, bool)
    np.fmax.at(votes, growth.paper[of_votes], growth.total[of_votes])
    votes[calendar.age(papers.announced) < 1] = np.nan
    return prior.expect(papers.features, calendar.place(papers.announced) - 1, votes)


def _attention(growth: Growth, age: NDArray[np.int64]) -> NDArray[np.float64]:
    """The exposure at each paper's first reading: an expectation weighs more before it.

    For a paper that no source told of so early it is that of the paper in the middle of its day:
    it is not to fall behind because nothing was said.
    """
    opened = np.full(len(age), np.nan)
    np.fmin.at(opened, growth.paper, growth.opened)
    attention = exposure(opened)
    told = ~np.isnan(attention)
    usual = np.ones(len(age))
    for number in np.unique(age[told]):
        usual[age == number] = np.median(attention[told & (age == number)])
    return np.where(told, attention, usual)


def _given(
    readings: Readings, worth: NDArray[np.float64], growth: Growth, size: int
) -> NDArray[np.float64]:
    """What each source gives each paper (papers x sources), capped, of the worth of its growth.

    Votes and comments of one place are one source. Stars, citations and likes are one source
    each, whoever tells them.
    """
    sources: dict[tuple[str, str], int] = {}
    columns = []
    for source, name in readings.names:
        own = ("votes", source) if name in {"upvotes", "comments"} else (name, "")
        columns.append(sources.setdefault(own, len(sources)))
    given = np.zeros((size, len(sources)))
    worth = _weighted(readings, worth, growth)
    for series, (_, name) in enumerate(readings.names):
        rows = growth.series == series
        told = np.zeros(size)
        told[growth.paper[rows]] = worth[rows]
        column = given[:, columns[series]]
        if name in {"upvotes", "comments"}:
            column += told
        else:
            np.maximum(column, told, out=column)
    return given / (1 + given / CEILING)


def _positions(age: NDArray[np.int64]) -> NDArray[np.float64]:
    """The place of each paper in the listing of its day."""
    order = np.argsort(age, kind="stable")
    ordered = age[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    positions = np.empty(len(age))
    positions[order] = np.arange(len(age)) - np.repeat(starts, np.diff(np.append(starts, len(age))))
    return positions


def _room(merit: NDArray[np.float64], field: NDArray[np.intp], fields: int) -> NDArray[np.float64]:
    """What is left of the merit of a paper under the better ones of its own field."""
    order = np.lexsort((-merit, field))
    counts = np.bincount(field, minlength=fields)
    above = np.empty(len(merit))
    above[order] = np.arange(len(merit)) - np.repeat(np.cumsum(counts) - counts, counts)
    room: NDArray[np.float64] = 1 / (1 + above / (ROOM * np.sqrt(counts[field])))
    return room


def _standing(
    readings: Readings,
    growth: Growth,
    given: NDArray[np.float64],
    agreed: NDArray[np.bool_],
    pick: NDArray[np.float64],
) -> NDArray[np.int64]:
    """How good a claim each paper has to one of the first places.

    2 for those that two sources or an editor speak for. 1 for those that do well by what they
    gained between two readings, no faster than the best peers. 0 for all others.
    """
    size = len(pick)
    hasty = _by_paper(readings, growth.hasty + growth.early, growth, size) >= TELLING
    steady = (given.sum(axis=1) >= AGREEING) & ~hasty
    return np.where(agreed | (pick >= PICK_SPEAKS), VOUCHED, steady).astype(np.int64)


def _by_paper(
    readings: Readings, worth: NDArray[np.float64], growth: Growth, size: int
) -> NDArray[np.float64]:
    weighted = _weighted(readings, worth, growth)
    return np.bincount(growth.paper, weighted, size).astype(np.float64)


def _podium(
    scores: NDArray[np.float64], standing: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """The scores with the first places given to the best of the best standing.

    Also which papers those are, and which of them had to be lifted for it.
    """
    order = np.lexsort((-scores, -standing))
    scores, lifted, first = scores.copy(), *np.zeros((2, len(scores)), bool)
    first[order[:PODIUM]] = True
    floor = scores[~first].max(initial=0.0)
    for place in order[:PODIUM][::-1]:
        if scores[place] < floor:
            lifted[place], scores[place] = True, floor * (1 + 1e-6)
        floor = max(floor, scores[place])
    return scores, first, lifted


class _Columns(NamedTuple):
    """The parts of the scores, a column each."""

    age: NDArray[np.int64]
    expected: NDArray[np.float64]
    start: NDArray[np.float64]
    cut: NDArray[np.float64]
    pick: NDArray[np.float64]
    agreed: NDArray[np.bool_]
    room: NDArray[np.float64]
    lifted: NDArray[np.bool_]
    unconfirmed: NDArray[np.bool_]


def _parts(
    papers: Entrants, readings: Readings, growth: Growth, columns: _Columns
) -> list[dict[str, Any]]:
    gains = _gains(readings, growth)
    listed = [day.isoformat() for day in map(_day, papers.announced // 24)]
    rounded = [(column if column.dtype == bool else column.round(4)).tolist() for column in columns]
    found = []
    for place, (age, expected, start, cut, pick, agreed, room, lifted, unconfirmed) in enumerate(
        zip(*rounded, strict=True)
    ):
        parts: dict[str, Any] = {
            "announced": listed[place],
            "field": papers.fields[place],
            "age": age,
            "expected": expected,
            "start": start,
            "gains": gains.get(place, []),
            "room": room,
        }
        said = {"cut": cut, "pick": pick, "agreed": agreed, "lifted": lifted}
        said["unconfirmed"] = unconfirmed
        parts.update((name, value) for name, value in said.items() if value)
        found.append(parts)
    return found


@lru_cache(maxsize=64)
def _day(number: float) -> date:
    return EPOCH + timedelta(days=number)


def _weighted(
    readings: Readings, worth: NDArray[np.float64], growth: Growth
) -> NDArray[np.float64]:
    """The worth of each growth, or a part of it, with the weight of its measure."""
    weights = [COMMENT_WEIGHT if name == "comments" else 1.0 for _, name in readings.names]
    weighted: NDArray[np.float64] = worth * np.array(weights)[growth.series]
    return weighted


def _gains(readings: Readings, growth: Growth) -> dict[int, list[dict[str, Any]]]:
    """What each paper gained that still counts or is not believed, the worthiest first."""
    worth = _weighted(readings, growth.worth, growth)
    telling = np.flatnonzero((growth.gain > 0) & ((worth.round(3) > 0) | growth.doubted))
    telling = telling[np.argsort(-worth[telling], kind="stable")]
    chosen = (growth.gain.round(2), growth.days.round(2), worth.round(3))
    columns = (growth.paper, growth.series, *chosen, growth.doubted)
    found = defaultdict(list)
    for paper, series, gain, days, given, doubted in zip(
        *(column[telling].tolist() for column in columns), strict=True
    ):
        source, name = readings.names[series]
        part = {"source": source, "name": name, "gain": gain, "days": days, "worth": given}
        if doubted:
            part["doubted"] = True
        found[paper].append(part)
    return found
