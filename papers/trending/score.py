"""The trending score: a paper's recent growth, from its own totals alone.

With V the upvotes gained, each faded by the announcement days since it came, and N the votes that a
new paper starts with, faded likewise::

    score = max(E * (N + A * V) if votes were read, L * (N + e)) / x + P

    N = 3 * 0.5 ** (days / 2)
    E = ((1 + authors) / 8 * 2 / (1 + waited)) ** 0.1               what a vote weighs
    L = 0.62, the least that E can be
    A = 1.25 if two sources agree, else 1
    e = u / (1 + u), u the sum of EVIDENCE                          evidence without votes
    x = sqrt((hours + 3) / 27), 1 after 24 hours                    attention so far
    P = 100 * 0.5 ** (days since the pick / 2)                      the editor's pick

Nothing here depends on the votes of another paper, and no term falls when votes are added, so more
votes never lower a score or a place, neither one's own nor a rival's by voting for it. The module
is free of Django and of I/O; ``explanation`` says the same in words.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from papers.trending.growth import (
    ATTENTION_OFFSET_HOURS,
    FIRST_DAY_HOURS,
    START_VOTES,
    Calendar,
    Floats,
    Growth,
    Readings,
    grow,
)

AGE_LIMIT_DAYS: Final = 30
ATTENTION_EXPONENT: Final = 0.5
WEIGHT_EXPONENT: Final = 0.1
MOST_AUTHORS: Final = 60
MOST_WAITING_DAYS: Final = 30.0
LEAST_WEIGHT: Final = (1 / 8 * 2 / (1 + MOST_WAITING_DAYS)) ** WEIGHT_EXPONENT
"""Weight of papers without votes: to be voted for never lowers a paper."""
AGREEMENT: Final = 1.25
"""Factor for the votes of a paper that two sources speak for."""
PICK_VOTES: Final = 100.0
"""How many votes an editor's pick counts on its day."""
EVIDENCE: Final = {
    "upvotes": 0.1,
    "stars": 0.1,
    "citations": 1.0,
    "likes": 1.0,
    "accepted": 1.0,
    "known_authors": 0.5,
    "code": 0.5,
}
"""Units of evidence for one of each; a source that gives a unit speaks for a paper."""
EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Candidates:
    """The papers to rank, a column each.

    Attributes:
        announced: Time of the announcement in hours since the epoch. A time at exactly 00:00 UTC
            stands for a day whose hour is not known.
        picked: Time of the editor's pick in hours since the epoch, or not a number.
        authors: Number of authors.
        waited: Days from submission to announcement, or not a number.
        accepted: Whether the authors' comment names where the paper was accepted.
        known_authors: Whether an author had a paper among the first ten of an earlier day.
        code: Whether a code repository is known.
    """

    announced: Floats
    picked: Floats
    authors: Floats
    waited: Floats
    accepted: NDArray[np.bool_]
    known_authors: NDArray[np.bool_]
    code: NDArray[np.bool_]


class Scored(NamedTuple):
    """Scores, and the parts of each as they are shown on the page of a paper."""

    scores: list[float]
    parts: list[dict[str, Any]]


def hours(moment: datetime) -> float:
    """Return a time as hours since the epoch."""
    return moment.timestamp() / 3600


def score(papers: Candidates, readings: Readings) -> Scored:
    """Return the scores of all papers at the time of the last reading or announcement.

    Args:
        papers: The papers, n of them.
        readings: Totals read of them; ``readings.paper`` counts from 0 to n - 1.
    """
    if not len(papers.announced):
        return Scored([], [])
    calendar = Calendar.of(papers.announced)
    growth = grow(readings, papers.announced, calendar)
    now = max(papers.announced.max(), readings.hour.max(initial=-np.inf))
    by_source = _by_source(readings, growth, len(papers.announced))
    votes = sum(
        (column for (name, _), column in by_source.items() if name == "upvotes"),
        np.zeros(len(papers.announced)),
    )
    of_votes = np.array([name == "upvotes" for _, name in readings.names], bool)[growth.series]
    voted = np.zeros(len(papers.announced), bool)
    voted[growth.paper[of_votes]] = True
    speaking = sum(
        (EVIDENCE[name] * column >= 1 for (name, _), column in by_source.items()),
        np.zeros(len(papers.announced), np.int64),
    )
    fading = calendar.fading(papers.announced)
    columns = _Columns(
        age=calendar.age(papers.announced),
        new=START_VOTES * fading,
        votes=votes,
        vote_weight=np.where(voted, vote_weight(papers.authors, papers.waited), 0.0),
        agreed=speaking >= 2,
        evidence=_evidence(papers, by_source, fading),
        attention=attention(_hours_since(papers.announced, now)),
        pick=np.where(
            papers.picked > 0, PICK_VOTES * calendar.fading(np.nan_to_num(papers.picked)), 0.0
        ),
    )
    return Scored(np.round(columns.score(), 9).tolist(), _parts(papers, readings, growth, columns))


def attention(hours: Floats) -> Floats:
    """Return the share of a first day's attention that a paper of an age has had.

    On recorded daily lists votes grow with the square root of the hours (plus three).
    """
    had = np.clip(hours, 0, FIRST_DAY_HOURS) + ATTENTION_OFFSET_HOURS
    share: Floats = (had / (FIRST_DAY_HOURS + ATTENTION_OFFSET_HOURS)) ** ATTENTION_EXPONENT
    return share


def vote_weight(authors: Floats, waited: Floats) -> Floats:
    """Return how much a vote counts: 1 for seven authors and a day from submission to listing.

    Papers of many authors, and those listed soon after submission, gain more later for the same
    votes in the morning.
    """
    team = (1 + np.clip(authors, 0, MOST_AUTHORS)) / 8
    wait = (1 + np.clip(np.nan_to_num(waited, nan=1.0), 0, MOST_WAITING_DAYS)) / 2
    weight: Floats = (team / wait) ** WEIGHT_EXPONENT
    return weight


def _hours_since(announced: Floats, now: float) -> Floats:
    """Return the hours since each announcement; the day's median where only the day is known."""
    since = now - announced
    only_day = announced % 24 == 0
    for day in np.unique(announced[only_day] // 24):
        same = announced // 24 == day
        if (same & ~only_day).any():
            since[same & only_day] = np.median(since[same & ~only_day])
    return since


def _by_source(readings: Readings, growth: Growth, size: int) -> dict[tuple[str, str], Floats]:
    """Return the weighted growth of each paper by measure and source.

    Votes of each place are a source of their own. Stars, citations and likes are one source each;
    of several places that count them the highest counts.
    """
    found: dict[tuple[str, str], Floats] = {}
    for series, (source, name) in enumerate(readings.names):
        rows = growth.series == series
        key = (name, source if name == "upvotes" else "")
        column = found.setdefault(key, np.zeros(size))
        column[growth.paper[rows]] = np.maximum(column[growth.paper[rows]], growth.weight[rows])
    return found


def _evidence(
    papers: Candidates, by_source: dict[tuple[str, str], Floats], fading: Floats
) -> Floats:
    """Return the evidence without votes: ``u / (1 + u)``, less than one vote."""
    units = fading * sum(
        EVIDENCE[name] * column
        for name, column in (
            ("accepted", papers.accepted),
            ("known_authors", papers.known_authors),
            ("code", papers.code),
        )
    )
    for (name, _), column in by_source.items():
        if name != "upvotes":
            units = units + EVIDENCE[name] * column
    evidence: Floats = units / (1 + units)
    return evidence


class _Columns(NamedTuple):
    """The parts of the scores, a column each."""

    age: NDArray[np.int64]
    new: Floats
    votes: Floats
    vote_weight: Floats
    """0 where votes were never read."""
    agreed: NDArray[np.bool_]
    evidence: Floats
    attention: Floats
    pick: Floats

    def score(self) -> Floats:
        agreement = np.where(self.agreed, AGREEMENT, 1.0)
        by_votes = self.vote_weight * (self.new + agreement * self.votes)
        without = LEAST_WEIGHT * (self.new + self.evidence)
        scores: Floats = np.maximum(by_votes, without) / self.attention + self.pick
        return scores


def _parts(
    papers: Candidates, readings: Readings, growth: Growth, columns: _Columns
) -> list[dict[str, Any]]:
    """Return the parts of each score as they are stored and shown."""
    gains = _gains(readings, growth)
    announced = [_day(number).isoformat() for number in papers.announced // 24]
    rounded = [(column if column.dtype == bool else column.round(4)).tolist() for column in columns]
    facts = list(
        zip(
            papers.accepted.tolist(),
            papers.known_authors.tolist(),
            papers.code.tolist(),
            strict=True,
        )
    )
    found = []
    for place, values in enumerate(zip(*rounded, strict=True)):
        parts: dict[str, Any] = {"announced": announced[place], "gains": gains.get(place, [])}
        parts |= {
            name: value
            for name, value in zip(_Columns._fields, values, strict=True)
            if value or name == "age"
        }
        known = zip(("accepted", "known_authors", "code"), facts[place], strict=True)
        parts |= {name: True for name, holds in known if holds}
        found.append(parts)
    return found


@lru_cache(maxsize=64)
def _day(number: float) -> date:
    return EPOCH + timedelta(days=number)


def _gains(readings: Readings, growth: Growth) -> dict[int, list[dict[str, Any]]]:
    """Return what each paper gained that still weighs something, the weightiest first."""
    units = np.array([EVIDENCE[name] for _, name in readings.names], np.float64)
    weight = growth.weight * units[growth.series]
    shown = (growth.weight.round(2) > 0) | (growth.counted < growth.gain)
    rows = np.flatnonzero((growth.gain > 0) & shown)
    rows = rows[np.argsort(-weight[rows], kind="stable")]
    columns = (
        growth.paper, growth.series, growth.gain.round(2), growth.counted.round(2),
        growth.days.round(2), growth.weight.round(2),
    )  # fmt: skip
    found = defaultdict(list)
    for paper, series, gain, counted, days, left in zip(
        *(column[rows].tolist() for column in columns), strict=True
    ):
        source, name = readings.names[series]
        part = {"source": source, "name": name, "gain": gain, "days": days, "weight": left}
        if counted < gain:
            part["counted"] = counted
        found[paper].append(part)
    return found
