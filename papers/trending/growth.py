"""Growth of running totals: how much each paper gained, how much of it counts and still weighs.

Pure arithmetic on columns: one row per reading in, one row per paper and measure out. The growth
of a paper depends on its own totals only; of other papers at most the times of readings matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MEASURES: Final = ("upvotes", "stars", "citations", "likes")
HALF_LIFE_DAYS: Final = 2.0
"""Announcement days after which growth weighs half."""
FIRST_DAY_HOURS: Final = 24.0
"""A first reading of votes this soon after the announcement is growth since the announcement."""
ATTENTION_OFFSET_HOURS: Final = 3.0
"""Added to the age of a paper wherever attention is a power of the age."""
START_VOTES: Final = 3.0
"""Votes that a new paper starts with."""
GROWTH_EXPONENT: Final = 2.5
"""Counted votes grow at most with this power of the age during the first day."""
LATE_EXPONENT: Final = 0.75
"""The same after the first day."""
FIRST_READING_VOTES: Final = 20.0
"""Takes the place of the start votes in the limit of a first reading."""
SAME_VISIT_HOURS: Final = 0.5
"""Readings of a source that are no further apart may be of the same visit to it."""
LEAST_OF_A_DAY: Final = 0.05
"""A day counts when it has at least this share of the papers of the median day."""


@dataclass(frozen=True, slots=True)
class Readings:
    """Running totals, a column each, in any order.

    Attributes:
        paper: Index of the paper, from 0.
        series: Index into ``names``.
        value: The total.
        hour: Time of the reading in hours since the epoch.
        names: Pairs (source, measure).
    """

    paper: Integers
    series: Integers
    value: Floats
    hour: Floats
    names: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days on which papers were announced, ascending, as days since the epoch.

    Ages are counted in these days, so that nothing ages over a weekend. A day with far fewer
    papers than the median day is left out.
    """

    days: Integers

    @classmethod
    def of(cls, announced: Floats) -> Calendar:
        """Return the calendar of announcement times (hours since the epoch)."""
        days, papers = np.unique(announced // 24, return_counts=True)
        return cls(days[papers >= LEAST_OF_A_DAY * np.median(papers)].astype(np.int64))

    def age(self, hours: Floats) -> Integers:
        """Return the number of announcement days after each time."""
        place = np.searchsorted(self.days, (hours // 24).astype(np.int64), side="right")
        return len(self.days) - np.maximum(place, 1)

    def fading(self, hours: Floats) -> Floats:
        """Return the weight of something that happened at each time: ``0.5 ** (age / 2)``."""
        weight: Floats = 0.5 ** (self.age(hours) / HALF_LIFE_DAYS)
        return weight


@dataclass(frozen=True, slots=True)
class Growth:
    """What each paper gained in each series, one row for every pair that was ever read.

    Attributes:
        paper: Index of the paper.
        series: Index into ``Readings.names``.
        gain: Growth since the listing or since the first reading.
        counted: The part of it that is not cut as too fast.
        days: Days in which it came.
        weight: ``counted`` with each part faded by the announcement days since it came.
    """

    paper: Integers
    series: Integers
    gain: Floats
    counted: Floats
    days: Floats
    weight: Floats


def grow(readings: Readings, announced: Floats, calendar: Calendar) -> Growth:
    """Return the growth of each paper in each series.

    Args:
        readings: The totals that were read.
        announced: Announcement of each paper, hours since the epoch.
        calendar: The announcement days that ages are counted in.
    """
    order = np.lexsort((readings.hour, readings.series, readings.paper))
    order = order[_hourly(readings, order)]
    paper, series, hour = readings.paper[order], readings.series[order], readings.hour[order]
    first = _changes(paper, series)
    starts = np.flatnonzero(first)
    value = settled(np.maximum(readings.value[order], 0), starts)
    votes = np.array([name == "upvotes" for _, name in readings.names], bool)[series]
    listed = _listed(readings, announced, paper[starts], series[starts], hour[starts])
    group = np.cumsum(first) - 1
    age = np.maximum(hour - listed[group], 0)
    # At exactly 00:00 only the day is known, so the first day begins at its end.
    only_day = listed[group] % 24 == 0
    opening = first & votes & (age <= FIRST_DAY_HOURS + 24 * only_day)
    before = np.maximum(np.arange(len(order)) - 1, 0)
    since = np.where(first, np.where(opening, 0, age), age[before])
    gain = np.where(opening, value, np.where(first, 0, value - value[before]))
    counted = np.where(votes, limited(value, gain, age, first), gain)
    middle = np.sqrt(np.maximum(since, 1) * np.maximum(age, 1))
    weight = counted * calendar.fading(listed[group] + np.clip(middle, since, age))
    last = np.append(starts[1:], len(order))[: len(starts)] - 1

    def total(column: Floats) -> Floats:
        return np.bincount(group, column, len(starts)).astype(np.float64)

    return Growth(
        paper[starts],
        series[starts],
        total(gain),
        total(counted),
        (age[last] - since[starts]) / 24,
        total(weight),
    )


def _listed(
    readings: Readings, announced: Floats, paper: Integers, series: Integers, first_hour: Floats
) -> Floats:
    """Return when each paper was listed by the source of each series, hours since the epoch.

    A paper that arXiv announced may be listed for votes days later: after the visit to that source
    before the paper's first reading. Where there was no such visit, it was listed when announced.
    """
    listed = announced[paper].copy()
    for number in np.unique(series):
        rows = series == number
        visits = np.unique(readings.hour[readings.series == number])
        place = np.searchsorted(visits, first_hour[rows] - SAME_VISIT_HOURS) - 1
        earlier = np.where(place >= 0, visits[np.maximum(place, 0)], -np.inf)
        listed[rows] = np.maximum(listed[rows], earlier)
    return listed


def limited(value: Floats, gain: Floats, age: Floats, first: NDArray[np.bool_]) -> Floats:
    """Return the part of each gain that counts: no more than a paper of that age can gain.

    With B the votes counted before, a and a' the ages at two readings (at least an hour apart) and
    r the growth of ``pace`` between them, the part is at most ``(B + 3) * (r - 1)``; for a first
    reading ``20 * (r - 1)`` from age 0 on. A larger gain never makes a sum of the parts smaller.

    Args:
        value: Settled totals, ordered by group and time.
        gain: Growth since the reading before, or since the announcement.
        age: Hours since the paper was listed, at each reading.
        first: Whether a reading is the first of its group.
    """
    starts = np.flatnonzero(first)
    counted = gain.copy()
    opening = FIRST_READING_VOTES * (pace(np.maximum(age[starts], 1)) / pace(np.zeros(1)) - 1)
    counted[starts] = np.minimum(gain[starts], opening)
    believed = value - gain + counted
    position = np.arange(len(value)) - np.repeat(starts, np.diff(np.append(starts, len(value))))
    rounds = np.argsort(position, kind="stable")
    ends = np.cumsum(np.bincount(position)) if len(value) else np.zeros(0, np.int64)
    for begin, end in pairwise(ends.tolist()):
        rows = rounds[begin:end]
        before, until = age[rows - 1], np.maximum(age[rows], age[rows - 1] + 1)
        allowed = (believed[rows - 1] + START_VOTES) * (pace(until) / pace(before) - 1)
        counted[rows] = np.minimum(gain[rows], allowed)
        believed[rows] = believed[rows - 1] + counted[rows]
    return counted


def pace(age: Floats) -> Floats:
    """Return how the fastest votes grow with the age of a paper in hours, up to a factor.

    ``(age + 3) ** 2.5`` on the first day, on from there ``(age + 3) ** 0.75``.
    """
    early = np.minimum(age, FIRST_DAY_HOURS) + ATTENTION_OFFSET_HOURS
    late = np.maximum(age, FIRST_DAY_HOURS) + ATTENTION_OFFSET_HOURS
    grown: Floats = early**GROWTH_EXPONENT * late**LATE_EXPONENT
    return grown


def settled(value: Floats, starts: Integers) -> Floats:
    """Return each group's running maximum, but never more than its last total.

    A total that fell and rose again is no growth, and votes that the source took back for good
    count nothing.
    """
    value = value.copy()
    falls = np.setdiff1d(np.flatnonzero(np.diff(value) < 0) + 1, starts)
    ends = np.append(starts[1:], len(value))
    for place in np.unique(np.searchsorted(starts, falls, side="right") - 1):
        part = slice(starts[place], ends[place])
        value[part] = np.minimum(np.maximum.accumulate(value[part]), value[ends[place] - 1])
    return value


def _changes(*columns: Integers) -> NDArray[np.bool_]:
    """Return which rows differ from the row before in any column."""
    changes = np.ones(len(columns[0]), bool)
    changes[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return changes


def _hourly(readings: Readings, order: Integers) -> NDArray[np.bool_]:
    """Return which ordered readings to use: the first of each series, the last of a clock hour.

    Otherwise a source that is read every minute would allow every minute an hour's growth.
    """
    paper, series = readings.paper[order], readings.series[order]
    clock = np.floor(readings.hour[order]).astype(np.int64)
    last = np.ones(len(order), bool)
    last[:-1] = _changes(paper, series, clock)[1:]
    return _changes(paper, series) | last
