"""Trending in the database: read the measurements, write the scores and the day's edition."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Max

from papers import trending
from papers.models import Edition, Paper, Signal

EDITION_SIZE: Final = 100


def newest_announcement(at: datetime) -> datetime | None:
    """When the latest paper known at a moment was announced."""
    newest: datetime | None
    newest = Paper.objects.filter(announced_at__lte=at).aggregate(at=Max("announced_at"))["at"]
    return newest


def score(at: datetime) -> dict[str, int]:
    """Recompute trending as of a moment, and the edition of its day (UTC).

    The edition of an earlier day than the latest one is written only if there is none: what was
    shown stays. Returns the counts ``papers`` (ranked) and ``changed`` (rows written).
    """
    newest = newest_announcement(at)
    if newest is None:
        return {"papers": 0, "changed": 0}
    oldest = newest - timedelta(days=trending.AGE_LIMIT_DAYS)
    ranked = list(
        Paper.objects.filter(announced_at__gt=oldest, announced_at__lte=at, withdrawn=False)
        .exclude(hidden=True)
        .order_by("pk")
    )
    entrants = _entrants(ranked, at)
    changed = []
    for paper, entrant in zip(ranked, entrants, strict=True):
        value, parts = trending.score(entrant)
        if (paper.trending, paper.trending_parts) != (value, parts):
            paper.trending, paper.trending_parts = value, parts
            changed.append(paper)
    with transaction.atomic():
        Paper.objects.bulk_update(changed, ["trending", "trending_parts"], batch_size=500)
        stale = Paper.objects.exclude(trending=0).exclude(pk__in=[paper.pk for paper in ranked])
        dropped = stale.update(trending=0, trending_parts={})
        _write_edition(at, ranked)
    return {"papers": len(ranked), "changed": len(changed) + dropped}


def _entrants(papers: list[Paper], at: datetime) -> list[trending.Entrant]:
    measurements: dict[int, list[trending.Measurement]] = defaultdict(list)
    signals = Signal.objects.filter(paper__in=papers, observed_at__lte=at)
    for signal in signals.iterator():
        measurements[signal.paper_id].append(
            trending.Measurement(signal.source, signal.name, signal.value, signal.observed_at)
        )
    days = sorted({paper.announced_at.date() for paper in papers}, reverse=True)
    ages = {day: age for age, day in enumerate(days)}
    positions: dict[int, int] = defaultdict(int)
    entrants = []
    for paper in papers:
        age = ages[paper.announced_at.date()]
        entrants.append(
            trending.Entrant(paper.announced_at, age, positions[age], measurements[paper.pk])
        )
        positions[age] += 1
    return entrants


def _write_edition(at: datetime, papers: list[Paper]) -> None:
    day = at.date()
    if Edition.objects.filter(day__gt=day).exists() and Edition.objects.filter(day=day).exists():
        return
    best = sorted(papers, key=lambda paper: (-paper.trending, paper.canonical_id))[:EDITION_SIZE]
    entries = [
        {
            "paper": paper.canonical_id,
            "score": paper.trending,
            "parts": paper.trending_parts,
            "reason": trending.reason(paper.trending_parts),
        }
        for paper in best
    ]
    Edition.objects.update_or_create(
        day=day, defaults={"entries": entries, "formula_version": trending.FORMULA_VERSION}
    )
