"""Deletion of old papers that nobody met.

A paper was met when an edition or a list of an ended week or month shows it, when an editor dealt
with it, when somebody asked for it, or when another app says so: it connects to ``papers_met``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.dispatch import Signal

from papers.models import Edition, Paper, RankedList, Submission
from papers.trending.update import newest_announcement

DELETIONS_PER_TRANSACTION: Final = 500
DELETIONS_PER_RUN: Final = 5000
LISTED_OF_FIELD: Final = 10
"""So many papers of an ended week or month in one field stay; of all fields the whole list."""

papers_met: Final = Signal()
"""Sent before papers are deleted; receivers return the ids of all papers that people met."""


def delete_unmet_papers(at: datetime) -> int:
    """Delete papers that nobody met in PAPER_DAYS, the oldest first; return how many.

    A run deletes at most ``DELETIONS_PER_RUN``, in portions, so that no other writer waits for
    long; the next run goes on.
    """
    old = _old_papers(at)
    if old is None or not old.exists():
        return 0
    keys = set(_listed_keys())
    ids = set(_named_ids())
    found = old.order_by("announced_at", "pk").values_list("pk", "canonical_id", "former_id")
    unmet = (
        key
        for key, present, former in found.iterator(chunk_size=DELETIONS_PER_RUN)
        if key not in keys and present not in ids and former not in ids
    )
    chosen = list(islice(unmet, DELETIONS_PER_RUN))
    portions = range(0, len(chosen), DELETIONS_PER_TRANSACTION)
    return sum(
        _delete(old, chosen[start : start + DELETIONS_PER_TRANSACTION]) for start in portions
    )


def _old_papers(at: datetime) -> QuerySet[Paper] | None:
    """Return the papers that are old enough and that no editor dealt with; None to keep all.

    Ages are counted from the newest announcement: while the sources are silent, nothing goes.
    """
    newest = newest_announcement(at)
    if newest is None or not settings.PAPER_DAYS:
        return None
    age = timedelta(days=settings.PAPER_DAYS)
    untouched = Q(picked_at=None, hidden=False, editor_note="", editor_summary="")
    return Paper.objects.filter(
        untouched, announced_at__lt=newest - age, first_seen_at__lt=at - age
    )


def _named_ids() -> Iterator[str]:
    """Yield the ids of papers that editions, submissions and other apps name."""
    yield from Submission.objects.values_list("arxiv_id", flat=True)
    for entries in Edition.objects.order_by().values_list("entries", flat=True).iterator(100):
        yield from (entry["paper"] for entry in entries)
    for _, answer in papers_met.send(sender=None):
        yield from answer or ()


def _listed_keys() -> Iterator[int]:
    """Yield the primary keys of papers in the lists of weeks and months."""
    lists = RankedList.objects.exclude(period=RankedList.Period.DAY).order_by()
    for field, entries in lists.values_list("field", "entries").iterator(100):
        yield from (entry["paper"] for entry in entries[: LISTED_OF_FIELD if field else None])


def _delete(old: QuerySet[Paper], keys: Collection[int]) -> int:
    """Delete these papers with what belongs to them, unless an editor took one up meanwhile."""
    with transaction.atomic():
        return old.filter(pk__in=keys).delete()[1].get("papers.Paper", 0)
