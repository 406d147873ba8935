"""The processes that send digests: one run each, known to all the others by a heartbeat row."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Lock
from typing import Final

from django.utils.timezone import now

from newsletter.models import Heartbeat

StopCondition = Callable[[], bool]
PREFIX: Final = "sender "
REPORT_SECONDS: Final = 5.0
SILENCE: Final = timedelta(seconds=15)
"""A sender that was silent for so long is gone."""
_sending = Lock()


@contextmanager
def registered(until: StopCondition) -> Iterator[StopCondition | None]:
    """Register this process as a sender while the block runs.

    Args:
        until: The stop condition of the run.

    Yields:
        The same condition, which renews the registration whenever it is asked; None where another
        thread of this process sends already and has its connections.
    """
    if not _sending.acquire(blocking=False):
        yield None
        return
    name = f"{PREFIX}{socket.gethostname()}:{os.getpid()}"[:100]
    reported = float("-inf")

    def report() -> bool:
        nonlocal reported
        if time.monotonic() - reported > REPORT_SECONDS:
            reported = time.monotonic()
            Heartbeat.objects.update_or_create(name=name, defaults={"at": now()})
        return until()

    try:
        report()
        yield report
        Heartbeat.objects.filter(name=name).delete()
    finally:
        _sending.release()


def is_free() -> bool:
    """Return whether no thread of this process sends digests."""
    return not _sending.locked()


def count() -> int:
    """Return how many processes send digests now, on all hosts."""
    recent = Heartbeat.objects.filter(name__startswith=PREFIX, at__gt=now() - SILENCE)
    return recent.count()
