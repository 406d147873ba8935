"""Likes of our own readers, counted by the post office, as measurements of papers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from papers.models import Paper, Signal

SOURCE: Final = "subscribers"
BEFORE: Final = timedelta(hours=1)
"""Likes are counted all the time: a paper that had none so far had none an hour ago."""


def record(counts: Mapping[str, int], at: datetime) -> int:
    """Keep how many people like each paper now.

    Only what differs from the count before is stored. The first likes of a paper follow a
    reading of zero, so that they count as growth. Returns the number of papers that changed;
    unknown papers are passed over.
    """
    wanted = list(counts)
    papers = {paper.pk: paper for paper in Paper.objects.filter(canonical_id__in=wanted)}
    likes = Signal.objects.filter(source=SOURCE, name=Signal.Name.LIKES, observed_at__lte=at)
    told = likes.filter(paper__in=papers).order_by("observed_at")
    known = dict(told.values_list("paper_id", "value"))
    fresh: list[Signal] = []
    changed = 0
    for paper in papers.values():
        count = counts[paper.canonical_id]
        if count == known.get(paper.pk, 0):
            continue
        changed += 1
        if paper.pk not in known:
            fresh.append(_reading(paper, 0, at - BEFORE))
        fresh.append(_reading(paper, count, at))
    with transaction.atomic():
        Signal.objects.bulk_create(fresh, ignore_conflicts=True)
    return changed


def liked() -> list[str]:
    """The ids of the papers whose latest count may be more than none."""
    told = Signal.objects.filter(source=SOURCE, name=Signal.Name.LIKES, value__gt=0)
    return list(told.values_list("paper__canonical_id", flat=True).distinct())


def _reading(paper: Paper, count: int, at: datetime) -> Signal:
    return Signal(paper=paper, source=SOURCE, name=Signal.Name.LIKES, value=count, observed_at=at)
