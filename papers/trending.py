"""What is trending: what happened to a paper lately, not how much it ever collected.

The arithmetic alone: papers and readings in, scores and their parts out. Free of Django and of
I/O. ``FORMULA`` says in words what the code does, for the public page.
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

from papers import prior
from papers.growth import HALF_LIFE, Calendar, Growth, Readings, exposure, grow

FORMULA_VERSION: Final = "2"
FORMULA: Final = (
    (
        "Growth, not fame",
        "We read the public counts of a paper again and again: upvotes, comments, repository "
        "stars, citations, and the likes of our own confirmed subscribers, one for each person. "
        "Only what is added between two readings counts. The first reading is the base line and "
        "counts nothing. One exception: votes and comments that are read within a day of a "
        "paper’s announcement can only have come since then, so they stand in for growth until "
        "more is known, less with every hour and not at all twelve hours after the first reading.",
    ),
    (
        "Beside its peers",
        "Growth is measured in days of an ordinary paper: what papers of the same field that "
        "were just as old gained in a day, over the last 30 days. So a vote in a small field can "
        "weigh as much as ten in a large one. A source that says nothing about a paper neither "
        "helps nor harms it. A comment weighs a tenth of a vote.",
    ),
    (
        "Fading",
        "Growth counts half after two announcement days, a quarter after four. Days without "
        "announcements, as at weekends, do not count. Where two readings lie far apart, what came "
        "between them is dated early, because attention ebbs away. Papers are ranked for 30 days.",
    ),
    (
        "Before anybody has voted",
        "A new paper starts with a small amount, an eighth of what an ordinary one collects. It is "
        "up to four times more or less, as papers like it fared in the last 30 days: the length of "
        "title and abstract, a name before a colon, the number of authors, published code, and "
        "the days from submission to announcement. It fades like everything else.",
    ),
    (
        "What cannot be bought",
        "What one source can give is capped: growth faster than that of 99 in 100 peers counts "
        "only by its logarithm, and the more a source has given, the less it adds. Growth three "
        "times faster still is not believed and counts like that of the paper in the middle. Where "
        "two sources agree that a paper does well, it gets a quarter more, and the first three "
        "places are given to papers on which two sources agree or that an editor picked, as far "
        "as there are any.",
    ),
    (
        "An editor’s pick",
        "A pick counts like one good day and fades like it. It is marked as such.",
    ),
    (
        "Room for every field",
        "Papers are ranked inside their field first. Then the lists are merged: the more papers "
        "of a field stand above a paper, the less it counts, and the sooner so in a small field.",
    ),
)
CHANGES: Final = (
    (
        "2",
        "2026-11-26",
        "Growth is measured against peers of the same field and age, capped, and fades with the "
        "days since it happened. Expectations for new papers, agreement of sources, editors’ "
        "picks and room for every field were added.",
    ),
    ("1", "2026-11-23", "The first formula: age and gains."),
)

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
ROOM: Final = 2.0
NOUNS: Final = {
    "upvotes": ("upvote", "upvotes"),
    "comments": ("comment", "comments"),
    "stars": ("repository star", "repository stars"),
    "citations": ("citation", "citations"),
    "likes": ("like by a subscriber", "likes by subscribers"),
}
NUMBERS: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Entrants:
    """The papers in the competition, a column each, in the order of their listings.

    Times are hours of the epoch; ``picked`` is not a number where no editor picked the paper.
    ``features`` are those of ``papers.prior``.
    """

    announced: NDArray[np.float64]
    picked: NDArray[np.float64]
    fields: Sequence[str]
    features: NDArray[np.float64]


class Scored(NamedTuple):
    """Scores, and the parts of each (see FORMULA): what is shown on the page of a paper."""

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
    start = START * expected * 0.5 ** (age / HALF_LIFE) / _attention(growth, len(age))
    given = _given(readings, growth, len(age))
    picked = np.nan_to_num(papers.picked)
    pick = np.where(picked > 0, PICK * 0.5 ** (calendar.age(picked) / HALF_LIFE), 0.0)
    agreed = (given >= AGREEING).sum(axis=1) > 1
    merit = (start + given.sum(axis=1) + pick) * np.where(agreed, AGREEMENT, 1.0)
    merit *= 1 - 1e-6 * _positions(age)
    room = _room(merit, field, len(names))
    scores, lifted = _podium(merit * room, agreed | (pick >= PICK_SPEAKS))
    worth = np.bincount(growth.paper, _weighted(readings, growth), len(age))
    cut = np.maximum(worth - given.sum(axis=1), 0)
    columns = _Columns(age, expected, start, cut, pick, agreed, room, lifted)
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


def _attention(growth: Growth, size: int) -> NDArray[np.float64]:
    """The exposure at each paper's first reading: an expectation weighs more before it."""
    opened = np.full(size, np.nan)
    np.fmin.at(opened, growth.paper, growth.opened)
    return np.where(np.isnan(opened), 1.0, exposure(np.nan_to_num(opened)))


def _given(readings: Readings, growth: Growth, size: int) -> NDArray[np.float64]:
    """What each source gives each paper (papers x sources), capped.

    Votes and comments of one place are one source. Stars, citations and likes are one source
    each, whoever tells them.
    """
    sources: dict[tuple[str, str], int] = {}
    columns = []
    for source, name in readings.names:
        own = ("votes", source) if name in {"upvotes", "comments"} else (name, "")
        columns.append(sources.setdefault(own, len(sources)))
    given = np.zeros((size, len(sources)))
    worth = _weighted(readings, growth)
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


def _podium(
    scores: NDArray[np.float64], vouched: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Lift the best papers that two sources or an editor speak for onto the first places."""
    order = np.argsort(-scores, kind="stable")
    best = order[vouched[order]][:PODIUM]
    scores, lifted = scores.copy(), np.zeros(len(scores), bool)
    others = np.setdiff1d(order, best)
    for number, place in enumerate(best[::-1], start=1):
        floor = (scores[others].max() if len(others) else 0.0) * (1 + 1e-6 * number)
        lifted[place] = scores[place] < floor
        scores[place] = max(scores[place], floor)
    return scores, lifted


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


def _parts(
    papers: Entrants, readings: Readings, growth: Growth, columns: _Columns
) -> list[dict[str, Any]]:
    gains = _gains(readings, growth)
    listed = [day.isoformat() for day in map(_day, papers.announced // 24)]
    rounded = [(column if column.dtype == bool else column.round(4)).tolist() for column in columns]
    found = []
    for place, (age, expected, start, cut, pick, agreed, room, lifted) in enumerate(
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
        said = (("cut", cut), ("pick", pick), ("agreed", agreed), ("lifted", lifted))
        parts.update((name, value) for name, value in said if value)
        found.append(parts)
    return found


@lru_cache(maxsize=64)
def _day(number: float) -> date:
    return EPOCH + timedelta(days=number)


def _weighted(readings: Readings, growth: Growth) -> NDArray[np.float64]:
    """What each growth is worth, with the weight of its measure."""
    weights = [COMMENT_WEIGHT if name == "comments" else 1.0 for _, name in readings.names]
    weighted: NDArray[np.float64] = growth.worth * np.array(weights)[growth.series]
    return weighted


def _gains(readings: Readings, growth: Growth) -> dict[int, list[dict[str, Any]]]:
    """What each paper gained that still counts, by paper, the worthiest first."""
    worth = _weighted(readings, growth)
    telling = np.flatnonzero((growth.gain > 0) & (worth.round(3) > 0))
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


def reason(parts: dict[str, Any]) -> str:
    """Why a paper trends, in words, from the parts of its score; empty when nothing is known."""
    gains = [gain for gain in parts.get("gains", ()) if not gain.get("doubted")]
    if gains:
        shown = gains[: 2 if parts.get("agreed") else 1]
        return "trending: " + ", ".join(_gained(gain) for gain in shown)
    if parts.get("announced"):
        day = date.fromisoformat(parts["announced"])
        return f"new in the listing of {day.day} {day:%B}"
    return ""


def explain(parts: dict[str, Any]) -> list[tuple[str, str]]:
    """The parts of a score as rows of a table: what, and what it gives.

    Amounts are days of an ordinary paper; factors are written with a multiplication sign.
    Empty for a paper that is not ranked.
    """
    if "start" not in parts:
        return []
    rows = [
        (_gained(gain), "not believed" if gain.get("doubted") else f"{gain['worth']:.2f}")
        for gain in parts["gains"]
    ]
    if parts.get("cut", 0) >= 0.005:
        rows.append(("What sources gave above their cap", f"−{parts['cut']:.2f}"))
    if parts.get("pick"):
        rows.append(("The editor’s pick", f"{parts['pick']:.2f}"))
    rows.append(
        (
            f"New, with {parts['expected']:.1f} times the usual votes expected",
            f"{parts['start']:.2f}",
        )
    )
    if parts.get("agreed"):
        rows.append(("Two sources agree", f"×{AGREEMENT}"))
    if parts["room"] < 1:
        rows.append(("Better papers in its field", f"×{parts['room']:.2f}"))
    if parts.get("lifted"):
        rows.append(("Lifted onto the first three places", ""))
    return rows


def _gained(gain: dict[str, Any]) -> str:
    noun = NOUNS[gain["name"]][gain["gain"] != 1]
    return f"+{gain['gain']:,.10g} {noun} in {_duration(gain['days'])}"


def _duration(days: float) -> str:
    """A span as people say it: ``an hour``, ``seven hours``, ``a day``, ``12 days``."""
    count, unit, one = (round(days), "days", "a day")
    if days < 0.9:
        count, unit, one = max(1, round(days * 24)), "hours", "an hour"
    if count == 1:
        return one
    return f"{NUMBERS[count] if count < len(NUMBERS) else count} {unit}"
