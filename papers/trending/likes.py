"""Likes of confirmed subscribers, stored as readings of papers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from papers.models import Paper, Signal

SOURCE: Final = "subscribers"
ZERO_BEFORE_FIRST: Final = timedelta(hours=1)
"""The first likes of a paper follow a reading of zero that is so much older."""


def record(counts: Mapping[str, int], at: datetime) -> int:
    """Store how many people like each paper, where that differs from the reading before.

    Unknown papers are left out. The first likes of a paper follow a reading of zero, so that they
    count as growth.

    Args:
        counts: Number of likes by paper id.
        at: When they were counted.

    Returns:
        The number of papers whose count changed.
    """
    wanted = list(counts)
    papers = {paper.pk: paper for paper in Paper.objects.filter(canonical_id__in=wanted)}
    likes = Signal.objects.filter(source=SOURCE, name=Signal.Name.LIKES, observed_at__lte=at)
    readings = likes.filter(paper__in=papers).order_by("observed_at")
    known = dict(readings.values_list("paper_id", "value"))
    fresh: list[Signal] = []
    changed = 0
    for paper in papers.values():
        count = counts[paper.canonical_id]
        if count == known.get(paper.pk, 0):
            continue
        changed += 1
        if paper.pk not in known:
            fresh.append(_reading(paper, 0, at - ZERO_BEFORE_FIRST))
        fresh.append(_reading(paper, count, at))
    with transaction.atomic():
        Signal.objects.bulk_create(fresh, ignore_conflicts=True)
    return changed


def liked() -> list[str]:
    """Return the ids of the papers whose latest count may be more than zero."""
    positive = Signal.objects.filter(source=SOURCE, name=Signal.Name.LIKES, value__gt=0)
    return list(positive.values_list("paper__canonical_id", flat=True).distinct())


def _reading(paper: Paper, count: int, at: datetime) -> Signal:
    return Signal(paper=paper, source=SOURCE, name=Signal.Name.LIKES, value=count, observed_at=at)
