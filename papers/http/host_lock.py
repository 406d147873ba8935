"""Taking turns: one worker at a time, at a pace that all workers keep together.

The lock is a row that is taken by compare-and-set and given back by its holder. A holder that
was killed loses it when its lease is over.
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
PATIENCE: Final = timedelta(minutes=5)


class TurnError(Exception):
    """The turn did not come in time; the message is for people, ``until`` when it may come."""

    def __init__(self, message: str, until: datetime) -> None:
        super().__init__(message)
        self.until = until


@contextmanager
def turn(
    name: str, *, pace: timedelta, sleep: Callable[[float], None] = time.sleep
) -> Iterator[None]:
    """Hold the turn of that name for one request, and let the next begin ``pace`` after its end.

    Waits until the turn comes; raises TurnError after PATIENCE, or at once when the other side
    has asked for a longer pause than that.
    """
    holder = secrets.token_hex(16)
    Turn.objects.get_or_create(name=name)
    deadline = now() + PATIENCE
    while not _take(name, holder):
        free_at, paused_until = _times(name)
        if paused_until > deadline:
            reason = f"{name} has asked for a pause until {paused_until:%Y-%m-%d %H:%M} UTC."
            raise TurnError(reason, paused_until)
        if now() > deadline:
            reason = f"Other workers kept {name} busy for {PATIENCE.seconds // 60} minutes."
            raise TurnError(reason, max(free_at, paused_until))
        # Soon enough to look again, never a busy wait.
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
    """Let nobody begin before a time: the other side asked for it."""
    Turn.objects.filter(name=name, next_at__lt=until).update(next_at=until)


def _take(name: str, holder: str) -> bool:
    moment = now()
    free = Turn.objects.filter(name=name, held_until__lte=moment, next_at__lte=moment)
    return free.update(holder=holder, held_until=moment + LEASE) == 1


def _times(name: str) -> tuple[datetime, datetime]:
    """When the turn's lease ends, and when the next one may begin."""
    return Turn.objects.values_list("held_until", "next_at").get(name=name)
