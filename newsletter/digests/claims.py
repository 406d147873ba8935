"""Due readers, claimed in their rows so that workers share them and compose no digest twice.

A claim only saves work: what makes a digest unique is its constraint, and what ends a due date is
its compare-and-set. A worker that is killed leaves claims that are over within ``CLAIM_LEASE``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet

from newsletter.leases import held, lease_end
from newsletter.models import Subscriber

READERS_AT_ONCE: Final = 100
"""A slice takes a fraction of a second, so that other work never waits long for a worker."""
CLAIM_LEASE: Final = timedelta(seconds=20)
MOST_SLICES: Final = 1000
"""The most slices that are handed out at once."""


def due(at: datetime) -> QuerySet[Subscriber]:
    """Return active subscribers whose due time has come, and paused ones whose pause is over.

    Of the paused ones only some are due at ``at``: see ``assembly``.
    """
    active = Q(status=Subscriber.Status.ACTIVE, next_digest_at__lte=at)
    rested = Q(status=Subscriber.Status.PAUSED, paused_until__lte=at)
    return Subscriber.objects.filter(active | rested)


def free(readers: QuerySet[Subscriber]) -> QuerySet[Subscriber]:
    """Return those of these readers whom no worker has claimed."""
    return readers.filter(Q(assembling_until=None) | ~held("assembling_until"))


def take(readers: QuerySet[Subscriber], first: int = 0) -> list[Subscriber]:
    """Claim up to ``READERS_AT_ONCE`` of these readers, by id from ``first`` on.

    The result is empty only when all of them are claimed: on PostgreSQL a claimer skips the rows
    that another one has locked, SQLite lets one write at a time.
    """
    waiting = free(readers).filter(pk__gte=first).order_by("pk")
    if not waiting.exists():
        return []
    with transaction.atomic():
        locked = waiting.select_for_update(of=("self",), skip_locked=True)
        taken = list(locked[:READERS_AT_ONCE])
        ids = [reader.pk for reader in taken]
        Subscriber.objects.filter(pk__in=ids).update(assembling_until=lease_end(CLAIM_LEASE))
    return taken


def release(ids: Collection[int]) -> None:
    """End the claims of readers whose digest was not written."""
    Subscriber.objects.filter(pk__in=ids).update(assembling_until=None)


def are_held(readers: QuerySet[Subscriber]) -> bool:
    """Return whether a worker has claimed any of these readers."""
    return readers.filter(held("assembling_until")).exists()


def slices(readers: QuerySet[Subscriber]) -> Iterator[tuple[int, int]]:
    """Yield the first and last ids of slices of these readers that nobody has claimed."""
    ids = list(
        free(readers).order_by("pk").values_list("pk", flat=True)[: MOST_SLICES * READERS_AT_ONCE]
    )
    for start in range(0, len(ids), READERS_AT_ONCE):
        part = ids[start : start + READERS_AT_ONCE]
        yield part[0], part[-1]
