"""Deletion of old digests, and what keeps their papers from being sent again."""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import Q
from django.utils.timezone import now

from newsletter.models import Digest
from papers.models import Paper

State = Digest.State
FINISHED: Final = (
    State.SENT,
    State.FAILED,
    State.UNCERTAIN,
    State.SKIPPED,
    State.CANCELLED,
)
DELETIONS_PER_TRANSACTION: Final = 500
# The rest is left for the next hour, so that no worker is kept from its other tasks for long.
SECONDS_PER_RUN: Final = 60.0


def horizon() -> datetime | None:
    """Return the time before which digests may have been deleted; None when all are kept."""
    days = settings.DIGEST_DAYS
    return now() - timedelta(days=days) if days else None


def delete_old_digests() -> int:
    """Delete finished digests of before ``horizon`` for up to SECONDS_PER_RUN; return how many.

    They go in portions, the oldest first, so that no other writer waits for long.
    """
    before = horizon()
    if before is None:
        return 0
    old = Digest.objects.filter(due_at__lt=before, created_at__lt=before, state__in=FINISHED)
    oldest = old.order_by("due_at").values_list("pk", flat=True)[:DELETIONS_PER_TRANSACTION]
    end, deleted = time.monotonic() + SECONDS_PER_RUN, 0
    while time.monotonic() < end and (some := list(oldest.all())):
        deleted += Digest.objects.filter(pk__in=some).delete()[1].get(Digest._meta.label, 0)
    return deleted


def forgotten(papers: Collection[str]) -> frozenset[str]:
    """Return which of these papers may have been in digests that were deleted.

    A digest holds only what was known by then, so that these are the papers that were known before
    ``horizon``: a pick of an editor may be that old, or everything when the sources stand still.
    """
    before = horizon()
    if before is None:
        return frozenset()
    known = Q(announced_at__lt=before) | Q(first_seen_at__lt=before)
    found = Paper.objects.filter(known, canonical_id__in=papers)
    return frozenset(found.values_list("canonical_id", flat=True))
