"""What is trending: what happened to a paper lately, not how much it ever collected.

The arithmetic alone: measurements and ages in, scores and their parts out. Free of Django and of
I/O. ``FORMULA`` says in words what the code does, for the public page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby, pairwise
from math import log1p
from typing import Any, Final

FORMULA_VERSION: Final = "1"
FORMULA: Final = (
    "A paper's score starts at 1 on the day of its announcement and halves with every two "
    "announcement days that follow.",
    "What it gained since it was first seen (upvotes, comments, stars, citations, likes of "
    "subscribers) multiplies the score; what it had before that counts nothing.",
    "Papers older than 30 days are not ranked. Papers with equal scores keep the order of the "
    "listing that announced them.",
)
CHANGES: Final = (("1", "2026-11-23", "The first formula: age and gains."),)

HALF_LIFE: Final = 2.0
"""Announcement days after which a score has halved."""
AGE_LIMIT_DAYS: Final = 30
NOUNS: Final = {
    "upvotes": "upvotes",
    "comments": "comments",
    "stars": "repository stars",
    "citations": "citations",
    "likes": "likes by subscribers",
}


@dataclass(frozen=True, slots=True)
class Measurement:
    """A running total of one kind, as one source told it at one time."""

    source: str
    name: str
    value: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Entrant:
    """One paper in the competition. ``position`` is its place in the listing of its day."""

    announced: datetime
    age: int
    position: int = 0
    measurements: Sequence[Measurement] = field(default=())


def score(entrant: Entrant) -> tuple[float, dict[str, Any]]:
    """The score, and the parts it is made of (see FORMULA)."""
    recency = 0.5 ** (entrant.age / HALF_LIFE)
    gains = _gains(entrant.measurements)
    attention = 1 + sum(log1p(gain["gain"]) for gain in gains)
    order = 1 - 1e-6 * entrant.position
    parts = {
        "announced": entrant.announced.date().isoformat(),
        "recency": round(recency, 6),
        "gains": gains,
    }
    return round(recency * attention * order, 9), parts


def _gains(measurements: Sequence[Measurement]) -> list[dict[str, Any]]:
    found = []
    ordered = sorted(measurements, key=lambda m: (m.source, m.name, m.at))
    for (source, name), group in groupby(ordered, key=lambda m: (m.source, m.name)):
        series = list(group)
        gain = sum(max(0.0, after.value - before.value) for before, after in pairwise(series))
        if gain > 0:
            days = max(1, round((series[-1].at - series[0].at).total_seconds() / 86400))
            found.append({"source": source, "name": name, "gain": gain, "days": days})
    return found


def reason(parts: dict[str, Any]) -> str:
    """Why a paper trends, in words, from the parts of its score; empty when nothing is known."""
    gains = sorted(parts.get("gains", ()), key=lambda gain: -gain["gain"])
    if gains:
        best = gains[0]
        days = "a day" if best["days"] == 1 else f"{best['days']} days"
        return f"trending: +{best['gain']:g} {NOUNS.get(best['name'], best['name'])} in {days}"
    if parts.get("announced"):
        day = date.fromisoformat(parts["announced"])
        return f"new in the listing of {day.day} {day:%B}"
    return ""
