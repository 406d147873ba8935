"""Enqueue the slices of a morning: bounds of due readers, and senders of queued digests.

Any process may look at any time. What was enqueued lately, by whichever process at the same broker,
is not enqueued again, and a task that comes twice finds the rows claimed: its message costs a
query. The embedded broker has one process; others on the same database enqueue for themselves.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.utils.timezone import now

from newsletter import jobs
from newsletter.delivery import outbox, senders, streams
from newsletter.delivery.rendering import DIGESTS
from newsletter.digests import claims
from newsletter.models import Heartbeat
from newsletter.process import enqueue, status

ASSEMBLE: Final = "newsletter.tasks.assemble_digests"
SEND: Final = "newsletter.tasks.send_digests"
INTERVAL: Final = timedelta(seconds=2)
"""All processes together enqueue senders at most this often."""
ASSEMBLING: Final = "assembling"
ENQUEUED: Final = "slices enqueued"
REPORT_INTERVAL: Final = timedelta(seconds=1)
SILENCE: Final = timedelta(seconds=5)
"""Slices that nobody worked on for so long are lost, and enqueued again."""
SLICE_EXPIRY_SECONDS: Final = 900.0
SENDER_EXPIRY_SECONDS: Final = 10.0
PASSES: Final = 5
PASS_SECONDS: Final = 0.2
# When something was last noted in this process, in monotonic seconds.
_noted: dict[str, float] = {}
_lock = threading.Lock()


def readers_are_due() -> bool:
    """Return whether a due reader is claimed by nobody."""
    return claims.free(claims.due(now())).exists()


def is_assembling() -> bool:
    """Return whether a worker at this broker writes digests now, or did within ``SILENCE``."""
    if not settings.REDIS_URL:
        return ASSEMBLING in _noted and time.monotonic() - _noted[ASSEMBLING] < SILENCE.seconds
    moment = now()
    lately = Heartbeat.objects.filter(name=ASSEMBLING, at__range=(moment - SILENCE, moment))
    return lately.exists() or claims.are_held(claims.due(moment))


def assemble() -> bool:
    """Enqueue a task for each slice of due readers, unless workers have slices to do.

    Returns:
        Whether the broker answered, as far as it was asked.
    """
    if is_assembling() or not _note(ENQUEUED, SILENCE):
        return True
    slices = claims.slices(claims.due(now()))
    return enqueue.send_all(ASSEMBLE, slices, expires=SLICE_EXPIRY_SECONDS)


@contextmanager
def assembling() -> Iterator[None]:
    """Record that this process works on a slice; nobody enqueues the same slices meanwhile."""
    _note(ASSEMBLING, REPORT_INTERVAL)
    yield
    if not readers_are_due():  # Who is due next need not wait.
        for name in (ASSEMBLING, ENQUEUED):
            _noted.pop(name, None)
        if settings.REDIS_URL:
            Heartbeat.objects.filter(name__in=(ASSEMBLING, ENQUEUED)).delete()


def _note(name: str, every: timedelta) -> bool:
    """Record something once in ``every`` by all processes at the broker; return whether now."""
    if settings.REDIS_URL:
        return jobs.record_heartbeat(name, every)
    with _lock:
        moment = time.monotonic()
        if moment - _noted.get(name, float("-inf")) < every.total_seconds():
            return False
        _noted[name] = moment
        return True


def is_sending() -> bool:
    """Return whether a worker at this broker sends digests now."""
    return senders.count() > 0 if settings.REDIS_URL else not senders.is_free()


def digests_are_ready() -> bool:
    """Return whether a digest is queued that may be sent now."""
    if streams.is_stopped(DIGESTS.name, patient=True):
        return False
    return outbox.ready(DIGESTS.rows).exists()


def send() -> bool:
    """Enqueue as many senders as there are workers, less those at work and those not needed.

    Returns:
        Whether the broker answered, as far as it was asked.
    """
    if not digests_are_ready():
        return True
    most = status.worker_count() - senders.count() if settings.REDIS_URL else senders.is_free()
    if most <= 0:
        return True
    rows = outbox.ready(DIGESTS.rows)[: most * outbox.CLAIM_ROWS].count()
    wanted = -(-rows // outbox.CLAIM_ROWS)
    if not wanted or not _note("senders enqueued", INTERVAL):
        return True
    return enqueue.send_all(SEND, [()] * wanted, expires=SENDER_EXPIRY_SECONDS)


def pass_on(passed: int) -> None:
    """Enqueue a sender again that a process took which sends already: another may have none.

    Args:
        passed: How often that was done before, at most PASSES times.
    """
    if not settings.REDIS_URL or passed >= PASSES:
        return
    time.sleep(PASS_SECONDS)  # Meanwhile this process is not the first to take it.
    if senders.count() < status.worker_count() and digests_are_ready():
        enqueue.send_all(SEND, [(passed + 1,)], expires=SENDER_EXPIRY_SECONDS)
