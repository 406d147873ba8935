"""Locks for hosts that want one request at a time, with a pause between two, from all workers.

A lock is a row that is taken by compare-and-set and released by its holder. The lease of a
holder that was killed expires.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

from django.db.models import F
from django.db.models.functions import Greatest
from django.utils.timezone import now

from papers.models import Turn

LEASE: Final = timedelta(seconds=45)
LONGEST_WAIT: Final = timedelta(minutes=5)


class HostLockError(Exception):
    """The lock was not free in time; ``until`` is when it may be.

    The message is one sentence for the operator.
    """

    def __init__(self, message: str, until: datetime) -> None:
        super().__init__(message)
        self.until = until


@contextmanager
def hold(
    name: str, *, pace: timedelta, sleep: Callable[[float], None] = time.sleep
) -> Iterator[None]:
    """Hold the lock of that name for one request; the next may begin ``pace`` after its end.

    Raises:
        HostLockError: The lock was not free within LONGEST_WAIT, or the host has asked for a
            longer pause than that.
    """
    holder = secrets.token_hex(16)
    Turn.objects.get_or_create(name=name)
    deadline = now() + LONGEST_WAIT
    while not _take(name, holder):
        free_at, paused_until = _times(name)
        if paused_until > deadline:
            reason = f"{name} has asked for a pause until {paused_until:%Y-%m-%d %H:%M} UTC."
            raise HostLockError(reason, paused_until)
        if now() > deadline:
            reason = f"Other workers kept {name} busy for {LONGEST_WAIT.seconds // 60} minutes."
            raise HostLockError(reason, max(free_at, paused_until))
        # Short enough to notice a release, long enough not to be a busy wait.
        remaining = (max(free_at, paused_until) - now()).total_seconds()
        sleep(min(max(remaining, 0.05), 1.0))
    try:
        yield
    finally:
        moment = now()
        Turn.objects.filter(name=name, holder=holder).update(
            holder="", held_until=moment, next_at=Greatest(F("next_at"), moment + pace)
        )


def postpone(name: str, until: datetime) -> None:
    """Let no request begin before a time, as the host asked."""
    Turn.objects.filter(name=name, next_at__lt=until).update(next_at=until)


def _take(name: str, holder: str) -> bool:
    moment = now()
    free = Turn.objects.filter(name=name, held_until__lte=moment, next_at__lte=moment)
    return free.update(holder=holder, held_until=moment + LEASE) == 1


def _times(name: str) -> tuple[datetime, datetime]:
    """Return the end of the lease, and the time from which the next request may begin."""
    return Turn.objects.values_list("held_until", "next_at").get(name=name)
