"""Charts as inline SVG: no script and no request of their own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from papers.models import Signal
from papers.trending import reasons

WIDTH: Final = 240
HEIGHT: Final = 48
MARGIN: Final = 3
"""Pixels."""


@dataclass(frozen=True, slots=True)
class Chart:
    """One series over time; ``points`` are those of an SVG polyline in a WIDTH x HEIGHT box."""

    label: str
    source: str
    points: str
    first: float
    last: float
    since: datetime
    until: datetime


def of_signals(signals: Iterable[Signal]) -> list[Chart]:
    """Return a chart for every signal that was read at least twice, in the order of reading."""
    series: dict[tuple[str, str], list[Signal]] = defaultdict(list)
    for signal in signals:
        series[signal.name, signal.source].append(signal)
    return [
        Chart(
            label=str(readings[0].get_name_display()),
            source=reasons.VOTED_ON.get(source, source),
            points=polyline([(one.observed_at, one.value) for one in readings]),
            first=readings[0].value,
            last=readings[-1].value,
            since=readings[0].observed_at,
            until=readings[-1].observed_at,
        )
        for (_, source), readings in series.items()
        if len(readings) > 1
    ]


def polyline(readings: Sequence[tuple[datetime, float]]) -> str:
    """Return the points of a line through readings in time order; the axis begins at zero."""
    start, end = readings[0][0], readings[-1][0]
    span = (end - start).total_seconds() or 1.0
    top = max(value for _, value in readings) or 1.0
    return " ".join(
        f"{MARGIN + (WIDTH - 2 * MARGIN) * (at - start).total_seconds() / span:.1f},"
        f"{HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * value / top:.1f}"
        for at, value in readings
    )
