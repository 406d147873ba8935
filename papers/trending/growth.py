"""Running totals into growth: what a paper gained, and what that is worth beside its peers.

The arithmetic alone, in columns: one row a reading in, one row a paper and measure out. Peers are
the papers of the same field that were as old; the readings of the window say what they gained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

HALF_LIFE: Final = 2.0
"""Announcement days after which growth counts half."""
NAMES: Final = ("upvotes", "comments", "stars", "citations", "likes")
BORN_WITH_THE_PAPER: Final = frozenset({"upvotes", "comments"})
"""Nobody votes for a paper before it is announced; repositories and citations may be older."""
OPENING_HOURS: Final = 24.0
"""A first reading this soon after the announcement tells growth since the announcement."""
FADE_HOURS: Final = 12.0
"""After so many hours of readings the first one counts nothing any more."""
LEAST_OF_A_DAY: Final = 0.05
"""A day counts when it has at least this share of the papers of the median day."""
AGE_CLASSES: Final = (0, 1, 2, 4)
"""Announcement days at which a class of ages begins; openings are a class of their own."""
USUAL_A_DAY: Final = np.array([8.0, 1.0, 8.0, 0.5, 2.0])
"""What a new paper gains in a day, by name, as long as there are few peers to ask."""
LIMIT_AN_HOUR: Final = np.array([10.0, 2.0, 20.0, 2.0, 5.0])
"""What the best papers gain in an hour, likewise."""
PEER_DAYS: Final = 20.0
"""Days of growth of peers that weigh as much as what was assumed."""
PEERS_FOR_A_LIMIT: Final = 100
LIMIT_SHARE: Final = 0.99
DOUBT: Final = 3.0
"""Growth so many times faster than the limit, or than what was assumed, is not believed."""
DOUBT_OF_TWO: Final = 4.5
"""The same for two neighbouring steps together: a burst may fall into both."""
BURST_HOURS: Final = 4.0
"""A longer step may grow no more than one of these hours: all may have come in one of them."""
LEAST_LIMIT: Final = 0.5
"""However slow the peers, the limit is at least this share of what was assumed."""
MOST_LIMIT: Final = np.array([1.0, 1.0, 1.0, 1.0, np.inf])
"""Nor is it more, by name, lest bursts become usual; but readers are known, and may be many."""
MEDIAN: Final = 0.5
"""About what the paper in the middle gains, in shares of the mean."""
LEAST_USUAL: Final = 0.25
"""Old papers gain little: their growth is never measured against less than this share of new."""


@dataclass(frozen=True, slots=True)
class Readings:
    """Running totals, a column each: of which paper, which series, how much, when (in hours).

    ``paper`` counts from 0; ``series`` is a place in ``names``, which holds (source, name).
    """

    paper: Integers
    series: Integers
    value: Floats
    hour: Floats
    names: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days on which papers were announced, ascending, as days of the epoch.

    Ages are counted in these, so that nothing grows old over a weekend; a stray paper or two,
    far fewer than on the median day, make no day.
    """

    days: Integers

    @classmethod
    def of(cls, hours: Floats) -> Calendar:
        days, papers = np.unique(hours // 24, return_counts=True)
        return cls(days[papers >= LEAST_OF_A_DAY * np.median(papers)].astype(np.int64))

    def place(self, hours: Floats) -> Integers:
        """The number of announcement days up to each time, at least one."""
        days = np.searchsorted(self.days, (hours // 24).astype(np.int64), side="right")
        return np.maximum(days, 1)

    def age(self, hours: Floats) -> Integers:
        """The number of announcement days after each time."""
        return len(self.days) - self.place(hours)


@dataclass(frozen=True, slots=True)
class Growth:
    """What each paper gained in each series, a row for every pair that was ever read.

    ``total`` is the growth since the announcement, ``gain`` the part of it that still counts and
    ``days`` the time that took; ``worth`` is the faded growth in units of what a new peer gains in
    a day, and ``doubted`` says whether some of it was too fast to be believed. ``hasty`` is the
    part of the worth that came faster than the limit, ``early`` the part that a first reading
    stands in for, ``sound`` the worth without what is hasty. ``opened`` is the hours from
    announcement to the first reading, or not a number.
    """

    paper: Integers
    series: Integers
    total: Floats
    gain: Floats
    days: Floats
    worth: Floats
    hasty: Floats
    early: Floats
    sound: Floats
    doubted: NDArray[np.bool_]
    opened: Floats


@dataclass(frozen=True, slots=True)
class _Steps:
    """One row a reading, in order of time within its group, which is one series of one paper.

    ``kind`` is 0 for an opening, the step from the announcement to the first reading, else the
    class of the age. ``told`` is the share of the papers of its day of which the same was ever
    read. ``hour`` is the time of the reading, ``dated`` that of the growth;
    ``counted`` leaves out first readings that are base lines.
    """

    group: Integers
    name: Integers
    field: Integers
    kind: Integers
    told: Floats
    gain: Floats
    hours: Floats
    hour: Floats
    dated: Floats
    counted: NDArray[np.bool_]


def exposure(hours: Floats) -> Floats:
    """How much of its first attention a paper has had after some hours: all after eight.

    Votes come quickly at first: in the recorded daily lists the square root of the time fits
    better than the time itself.
    """
    return np.sqrt((np.asarray(hours, np.float64) + 3) / 11)


def grow(readings: Readings, announced: Floats, field: Integers, calendar: Calendar) -> Growth:
    """The growth of each paper in each series, measured against its peers."""
    order = np.lexsort((readings.hour, readings.series, readings.paper))
    order = order[_telling(readings, order)]
    paper, series = readings.paper[order], readings.series[order]
    first = _firsts(paper, series)
    starts = np.flatnonzero(first)
    steps = _steps(readings, order, first, announced, field, calendar)
    worth, hasty, doubted = _worth(steps)
    last = np.flatnonzero(np.append(first[1:], True))[: len(starts)]
    begin, end = steps.hour[starts], steps.hour[last]
    fade = np.clip(1 - (end - begin) / FADE_HOURS, 0, 1)
    weight = np.where(steps.kind == 0, fade[steps.group], 1.0) * steps.counted
    worth *= weight * 0.5 ** (calendar.age(steps.dated) / HALF_LIFE)
    opened = np.where(steps.counted[starts], steps.hours[starts], np.nan)
    begin = begin - np.where(fade > 0, np.nan_to_num(opened), 0)

    def total(column: Floats) -> Floats:
        return np.bincount(steps.group, column, len(starts)).astype(np.float64)

    return Growth(
        paper[starts],
        series[starts],
        total(steps.gain * steps.counted),
        total(steps.gain * (weight > 0)),
        (end - begin) / 24,
        total(worth),
        total(worth * hasty),
        total(worth * (steps.kind == 0)),
        total(worth * ~hasty),
        total((doubted & (weight > 0)).astype(np.float64)) > 0,
        opened,
    )


def _firsts(*columns: Integers) -> NDArray[np.bool_]:
    """Which rows begin something new in any of the columns."""
    first = np.ones(len(columns[0]), bool)
    first[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return first


def _telling(readings: Readings, order: Integers) -> NDArray[np.bool_]:
    """Of the ordered readings the first of each series, and the last one of each clock hour.

    However often a source is read, a burst of an hour falls into two neighbouring steps at most.
    """
    paper, series = readings.paper[order], readings.series[order]
    clock = np.floor(readings.hour[order]).astype(np.int64)
    first, begun = _firsts(paper, series), _firsts(paper, series, clock)
    last = np.ones(len(order), bool)
    last[:-1] = begun[1:]
    return first | last


def _steps(
    readings: Readings,
    order: Integers,
    first: NDArray[np.bool_],
    announced: Floats,
    field: Integers,
    calendar: Calendar,
) -> _Steps:
    """The ordered readings as steps, each with what it added and how long that took."""
    paper, hour = readings.paper[order], readings.hour[order]
    value = _kept(readings.value[order], np.flatnonzero(first))
    before = np.flatnonzero(~first) - 1
    since, base = announced[paper], np.zeros(len(order))
    since[~first], base[~first] = hour[before], value[before]
    hours = hour - since
    codes = np.array([NAMES.index(name) for _, name in readings.names], np.int64)
    name = codes[readings.series[order]]
    born = np.isin(name, [NAMES.index(name) for name in BORN_WITH_THE_PAPER])
    dated = _dated(announced[paper], since, hour)
    day = calendar.place(announced)
    ages = calendar.place(dated) - day[paper]
    return _Steps(
        group=np.cumsum(first) - 1,
        name=name,
        field=field[paper],
        kind=np.where(first, 0, np.searchsorted(AGE_CLASSES, ages, side="right")),
        told=_told(paper, name, day),
        gain=value - base,
        hours=np.maximum(hours, 0),
        hour=hour,
        dated=dated,
        counted=~first | ((hours >= 0) & (hours <= OPENING_HOURS) & born),
    )


def _told(paper: Integers, name: Integers, day: Integers) -> Floats:
    """The share of the papers of each reading's day of which the same measure was ever read."""
    size = int(day.max()) + 1
    pairs = np.unique(paper * len(NAMES) + name)
    places = (pairs % len(NAMES)) * size + day[pairs // len(NAMES)]
    count = np.bincount(places, minlength=len(NAMES) * size)
    share: Floats = count[name * size + day[paper]] / np.bincount(day)[day[paper]]
    return share


def _dated(announced: Floats, since: Floats, until: Floats) -> Floats:
    """When the growth of a step happened: the geometric middle of its ends, as ages in hours.

    Attention ebbs away: of what came in a week, most came on its first day.
    """
    begin, end = (np.maximum(hour - announced, 1.0) for hour in (since, until))
    dated: Floats = np.clip(announced + np.sqrt(begin * end), since, until)
    return dated


def _kept(value: Floats, starts: Integers) -> Floats:
    """Each series as a running maximum, but never above what the source tells last.

    So what was lost and came back is no growth, and what was lost for good counts nothing.
    """
    value = value.copy()
    falls = np.setdiff1d(np.flatnonzero(np.diff(value) < 0) + 1, starts)
    ends = np.append(starts[1:], len(value))
    for place in np.unique(np.searchsorted(starts, falls, side="right") - 1):
        part = slice(starts[place], ends[place])
        value[part] = np.minimum(np.maximum.accumulate(value[part]), value[ends[place] - 1])
    return value


def _worth(steps: _Steps) -> tuple[Floats, NDArray[np.bool_], NDArray[np.bool_]]:
    """Each step in units of what a peer gains, whether it was faster than the limit, and whether
    it was too fast to be believed.

    A step that is not believed counts like that of the paper in the middle of its day, for a day
    at most: nothing when half of them were never read, for then the one in the middle was not.
    """
    limit = _limits(steps)[steps.name, steps.kind]
    doubted = _doubted(steps, np.maximum(limit, LIMIT_AN_HOUR[steps.name]))
    opening = steps.kind == 0
    share = np.where(opening, exposure(steps.hours), steps.hours / 24)
    telling = steps.counted & ~doubted
    allowed = limit * _span(steps.hours)
    settled = opening | np.append(steps.group[1:] == steps.group[:-1], False)
    cut = np.where(settled, _cut(steps.gain, allowed), np.minimum(steps.gain, allowed))
    believed = np.where(telling, cut, 0.0)
    usual = _usual(steps, believed, np.where(telling, share, 0.0))
    middle = MEDIAN * np.maximum(2 * steps.told - 1, 0)
    believed = np.where(doubted, middle * usual * np.minimum(share, 1), believed)
    worth = believed / (usual * np.where(opening, share, 1.0))
    return worth, doubted | (steps.gain > allowed), doubted


def _doubted(steps: _Steps, limit: Floats) -> NDArray[np.bool_]:
    """Which steps are too fast, alone or together with their neighbour."""
    alone = steps.gain > DOUBT * limit * _span(steps.hours)
    adjacent = (steps.group[1:] == steps.group[:-1]) & steps.counted[:-1]
    span = _span(steps.hours[1:] + steps.hours[:-1])
    allowed = DOUBT_OF_TWO * np.maximum(limit[1:], limit[:-1]) * span
    pair = adjacent & (steps.gain[1:] + steps.gain[:-1] > allowed)
    doubted = alone.copy()
    doubted[1:] |= pair
    doubted[:-1] |= pair
    return steps.counted & doubted


def _span(hours: Floats) -> Floats:
    """The hours for which a step may grow at the limit.

    One is added, so that a few votes that come together are not fast.
    """
    span: Floats = np.minimum(hours, BURST_HOURS) + 1
    return span


def _cut(gain: Floats, allowed: Floats) -> Floats:
    """Growth up to what is allowed as it is, and of what is beyond only the logarithm."""
    cut: Floats = np.minimum(gain, allowed * (1 + np.log(np.maximum(gain / allowed, 1))))
    return cut


def _limits(steps: _Steps) -> Floats:
    """What the best gain in an hour, by name and class of age: the 99th of a hundred peers."""
    limits = np.repeat(LIMIT_AN_HOUR[:, None], len(AGE_CLASSES) + 1, axis=1)
    code = (steps.name * limits.shape[1] + steps.kind)[steps.counted]
    pace = (steps.gain / _span(steps.hours))[steps.counted]
    for place in np.flatnonzero(np.bincount(code, minlength=limits.size) >= PEERS_FOR_A_LIMIT):
        where = np.unravel_index(place, limits.shape)
        best = np.quantile(pace[code == place], LIMIT_SHARE)
        limits[where] *= np.clip(best / limits[where], LEAST_LIMIT, MOST_LIMIT[where[0]])
    return limits


def _usual(steps: _Steps, gain: Floats, share: Floats) -> Floats:
    """What a peer gains in a day (or by its first reading), for each step.

    The mean of the field, as far as it has peers; otherwise of all fields; otherwise the
    assumption. Means shrink towards each other by ``PEER_DAYS``.
    """
    kinds = len(AGE_CLASSES) + 1
    code = steps.name * kinds + steps.kind
    total = np.bincount(code, gain, len(NAMES) * kinds).reshape(-1, kinds)
    days = np.bincount(code, share, len(NAMES) * kinds).reshape(-1, kinds)
    mean = (total + PEER_DAYS * USUAL_A_DAY[:, None]) / (days + PEER_DAYS)
    mean[:, 1:] = np.maximum(mean[:, 1:], LEAST_USUAL * mean[:, 1:2])
    fields, place = np.unique(steps.field * mean.size + code, return_inverse=True)
    overall = mean.ravel()[fields % mean.size]
    total, days = (np.bincount(place, column, len(fields)) for column in (gain, share))
    own = (total + PEER_DAYS * overall) / (days + PEER_DAYS)
    usual: Floats = np.maximum(own, LEAST_USUAL * overall)[place]
    return usual
