"""Plots for the admin's first page: inline SVG without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

WIDTH: Final = 600
HEIGHT: Final = 120
GAP: Final = 2


@dataclass(frozen=True)
class Bar:
    """One day of a plot, in the coordinates of its SVG, and what it says on hovering."""

    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True)
class Plot:
    """Bars of one number a day; ``last`` and ``total`` are said in words beside them."""

    title: str
    bars: Sequence[Bar]
    total: int
    highest: int
    first_day: date


def plots(days: Sequence[date], values: Mapping[str, Sequence[int]]) -> list[Plot]:
    """Return the plots of some days, as ``daily.series`` counts them."""
    shown = (
        ("Signed up", "asked"),
        ("Confirmed", "confirmed"),
        ("Unsubscribed", "left"),
        ("Digests sent", "sent"),
        ("Bounced", "bounced"),
        ("Complaints", "complained"),
        ("Papers liked", "liked"),
    )
    return [plot(title, days, values[name]) for title, name in shown]


def plot(title: str, days: Sequence[date], values: Sequence[int]) -> Plot:
    """Return the bars of a series; the highest one takes the whole height."""
    highest = max(values, default=0)
    step = WIDTH / max(len(days), 1)
    bars = [
        Bar(
            x=round(index * step, 1),
            y=round(HEIGHT - HEIGHT * value / highest, 1) if highest else HEIGHT,
            width=round(step - GAP, 1),
            height=round(HEIGHT * value / highest, 1) if highest else 0,
            title=f"{day:%d %b}: {value}",
        )
        for index, (day, value) in enumerate(zip(days, values, strict=True))
    ]
    return Plot(title, bars, sum(values), highest, days[0])
