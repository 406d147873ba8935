"""Tables of the admin's first page: runs and their balance, rates, top papers, what was liked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db.models import Count

from newsletter.delivery.circuit_breakers import BREAKERS
from newsletter.models import Interest
from newsletter.process import daily
from papers.admin.base import url_of
from papers.models import Edition, Paper
from papers.trending import reasons

DAYS: Final = 7
SHOWN: Final = 5
COLUMNS: Final = (*daily.STATES.values(), daily.WAITING)
EVENTS_OF_BREAKERS: Final = ("complained", "bounced")
"""The daily counts that ``BREAKERS`` limit, in their order."""


@dataclass(frozen=True)
class Run:
    """The digests that were due on a day; the counts are those of ``COLUMNS`` and add up."""

    day: date
    due: int
    counts: Sequence[int]


@dataclass(frozen=True)
class Rate:
    """A share of the digests sent, and the limit from which on mail stops, if there is one."""

    name: str
    share: str
    limit: str
    alarm: bool


@dataclass(frozen=True)
class PaperRow:
    """A paper with its link, and what is said beside it: name and amount."""

    title: str
    url: str
    facts: Sequence[tuple[str, str]]


def runs(days: Sequence[date], values: Mapping[str, Sequence[int]]) -> list[Run]:
    """Return the last days with a digest, latest first, from ``daily.series``."""
    found = []
    for place in range(len(days) - 1, max(-1, len(days) - 1 - DAYS), -1):
        counts = [values[name][place] for name in COLUMNS]
        if any(counts):
            found.append(Run(days[place], sum(counts), counts))
    return found


def rates(values: Mapping[str, Sequence[int]]) -> list[Rate]:
    """Return which shares of the last week's digests were delivered, complained of and bounced."""
    sums = {name: sum(series[-DAYS:]) for name, series in values.items()}
    sent = sums["sent"]
    if not sent:
        return []
    delivered = Rate(
        "Delivered, as far as the provider tells",
        f"{sums['delivered'] / sent:.1%}",
        "",
        alarm=False,
    )
    limited = []
    for breaker, name in zip(BREAKERS, EVENTS_OF_BREAKERS, strict=True):
        share = sums[name] / sent
        limit = f"warns at {breaker.warning:.1%}, stops at {breaker.stop:.1%}"
        limited.append(Rate(name.capitalize(), f"{share:.2%}", limit, share >= breaker.warning))
    return [delivered, *limited]


def papers(edition: Edition | None, moment: datetime) -> dict[str, list[PaperRow]]:
    """Return the first papers of an edition, and those liked most in the last week, by heading."""
    entries: list[dict[str, Any]] = edition.entries[:SHOWN] if edition else []
    top = [
        (
            str(entry["paper"]),
            [("Score", f"{entry['score']:.2f}"), *reasons.explain(entry.get("parts", {}))],
        )
        for entry in entries
    ]
    liked = [(paper, [("Likes", f"{count:,}")]) for paper, count in _most_liked(moment)]
    found = Paper.objects.filter(canonical_id__in=[paper for paper, _ in [*top, *liked]])
    known = {paper.canonical_id: paper for paper in found.only("canonical_id", "title")}
    return {
        heading: [
            PaperRow(known[paper].title, url_of(known[paper]), facts)
            for paper, facts in rows
            if paper in known
        ]
        for heading, rows in (("Top papers", top), ("What readers liked this week", liked))
    }


def _most_liked(moment: datetime) -> list[tuple[str, int]]:
    """Return the papers that most readers liked within the last week, with their number."""
    since = moment - timedelta(days=DAYS)
    likes = Interest.objects.filter(kind=Interest.Kind.LIKE, created_at__gte=since).order_by()
    counts = likes.values_list("value").annotate(readers=Count("pk"))
    return list(counts.order_by("-readers", "value")[:SHOWN])
