"""Similar papers, precomputed by a job so that a page reads one row."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from papers.models import Paper, SimilarPapers
from papers.recommend import loader
from papers.trending.update import newest_announcement

BATCH_ROWS: Final = 500
"""Rows in one INSERT."""
RENEWAL_AGE: Final = timedelta(days=3)
"""The most time from the newest announcement in which stored neighbours are computed again."""


def update(at: datetime) -> int:
    """Store the nearest papers of the recent ones, and return the number of rows written.

    The ranking index is built only if a recent paper has no row yet.
    """
    newest = newest_announcement(at)
    if newest is None:
        return 0
    recent = Paper.objects.filter(
        announced_at__gt=newest - loader.CANDIDATE_AGE,
        announced_at__lte=at,
        hidden=False,
        withdrawn=False,
    )
    if not recent.filter(similar=None).exists():
        return 0
    index = loader.build(at)
    keys = dict(recent.values_list("canonical_id", "pk"))
    known = set(SimilarPapers.objects.values_list("paper_id", flat=True))
    renewed = set(recent.filter(announced_at__gt=newest - RENEWAL_AGE).values_list("pk", flat=True))
    places = index.neighbours()
    rows = [
        SimilarPapers(paper_id=key, similar=[keys[one] for one in near if one in keys])
        for name, near in zip(index.place, places, strict=True)
        if (key := keys.get(name)) and (key not in known or key in renewed)
    ]
    SimilarPapers.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["paper"],
        update_fields=["similar"],
        batch_size=BATCH_ROWS,
    )
    return len(rows)
