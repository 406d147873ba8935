"""Run one pass over the mail: process events, assemble digests, send messages.

Everything here can be repeated, run twice at once, or be killed: the rows say what is left.
Celery tasks, the worker's polling loop and the commands all call these functions.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain
from threading import Lock
from typing import Final

import numpy
from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.timezone import now
from numpy.typing import NDArray

from newsletter.delivery import (
    alarms,
    bounce_mailbox,
    bounces,
    circuit_breakers,
    late_results,
    outbox,
    sender,
    streams,
)
from newsletter.delivery.outbox import CLAIM_LEASE, MailStream
from newsletter.delivery.rendering import DIGESTS, NOTICES, STREAMS
from newsletter.digests import assembly
from newsletter.models import Digest, Heartbeat, Subscriber
from newsletter.subscriptions import due_dates, list_imports
from newsletter.subscriptions import service as subscriptions

log = logging.getLogger(__name__)

HEARTBEAT_INTERVAL: Final = timedelta(seconds=15)
HEARTBEAT_RETENTION: Final = timedelta(days=1)
BREAKER_INTERVAL: Final = timedelta(minutes=1)
MAILBOX_INTERVAL: Final = timedelta(minutes=1)
TAKE_OVER_SECONDS: Final = 1.0
BALANCE_ROWS: Final = 5000
# The states that the balance names; the other digests wait to be tried again.
SETTLED: Final = (
    Digest.State.SENT,
    Digest.State.FAILED,
    Digest.State.UNCERTAIN,
    Digest.State.SKIPPED,
    Digest.State.CANCELLED,
)
StopCondition = Callable[[], bool]
Progress = Callable[[int, int], None]
"""Called with the number of digests that were tried and the number that was due."""
_assembling = Lock()


def after(seconds: float, stopped: StopCondition) -> StopCondition:
    """Return a condition that holds once ``seconds`` have passed from now, or when ``stopped``."""
    end = time.monotonic() + seconds
    return lambda: stopped() or time.monotonic() > end


def never() -> bool:
    """Return False: a stop condition for runs that go on to the end."""
    return False


def send_notices(until: StopCondition = never) -> Counter[str]:
    """Send the transactional mail and return the states that rows reached."""
    outbox.release_expired(NOTICES)
    streams.resume_due()
    return sender.deliver(NOTICES, until=until)


def send_digests(until: StopCondition = never, stopped: StopCondition = never) -> Counter[str]:
    """Process events, assemble what is due and send digests; return the states that rows reached.

    Args:
        until: Ends the sending, which goes on in the next round.
        stopped: Ends the assembling, which may take longer than a round.
    """
    record_heartbeat("worker")
    process_events(until)
    outbox.release_expired(DIGESTS)
    streams.resume_due()
    due_dates.correct_dates(now())
    subscriptions.resume_due(now())
    written = _assemble(stopped)
    if not written and streams.is_stopped(DIGESTS.name, patient=True):
        return Counter()
    ids = _ids(written, _unfinished(DIGESTS.rows))
    counts = sender.deliver(DIGESTS, until=until)
    if counts or written:
        log.info("Digests: %s", balance_line(_balance(ids)))
    return counts


def process_events(until: StopCondition = never, *, every: timedelta = BREAKER_INTERVAL) -> int:
    """Process the events of providers, check the circuit breakers, and return the number of events.

    The breakers cost more than an event and are checked once in ``every`` by all processes
    together.
    """
    read = bounces.process(until)
    if record_heartbeat("breakers", every):
        circuit_breakers.check(now())
        alarms.check_readers(now())
    return read


def read_bounces(until: StopCondition = never, *, every: timedelta = MAILBOX_INTERVAL) -> int:
    """Read the bounce mailbox, once in ``every`` by all processes together; return new events."""
    if settings.BOUNCE_MAILBOX is None or not record_heartbeat("bounce mailbox", every):
        return 0
    return bounce_mailbox.read(until)


def read_imports(until: StopCondition = never) -> int:
    """Read the lists that were uploaded in the admin; return how many came to an end."""
    return list_imports.run_due(until)


def _assemble(stopped: StopCondition) -> list[int]:
    """Write the digests that are due, unless another thread of this process does so already."""

    def over() -> bool:
        record_heartbeat("worker")
        return stopped()

    if not _assembling.acquire(blocking=False):
        return []
    try:
        return assembly.assemble(now(), until=over)
    finally:
        _assembling.release()


def balance_line(counts: Counter[str]) -> str:
    """Return ``due=`` and the counts of states, as the command prints and the worker logs them."""
    due = sum(counts.values())
    waiting = due - sum(counts[state] for state in SETTLED)
    words = [f"due={due}", *(f"{state}={counts[state]}" for state in SETTLED)]
    return " ".join([*words, f"queued={waiting}"])


def send_due(
    at: datetime,
    *,
    to: str = "",
    punctual: bool = True,
    until: StopCondition = never,
    progress: Progress = lambda _done, _due: None,
) -> Counter[str]:
    """Assemble and send the digests that are due at ``at``, for the command.

    A future time ends no pause: a subscriber whose pause ends before it gets this digest and stays
    paused.

    Args:
        at: The time at which digests are due.
        to: The key of the only address to send to; empty for all.
        punctual: Whether digests that are later than their grace are skipped.
        until: Asked between messages whether to stop.
        progress: Called with the number of digests that were tried and the number that was due.

    Returns:
        The states of all digests that this run wrote or found waiting.
    """
    process_events()
    for each in STREAMS:
        outbox.release_expired(each)
    streams.resume_due()
    sender.deliver(NOTICES, patient=False, until=until)
    due_dates.correct_dates(max(at, now()))
    subscriptions.resume_due(min(at, now()), to=to)
    written = assembly.assemble(at, to=to, punctual=punctual, until=until)
    stream, mine = _stream(at), _rows_of(to)
    ids = _ids(written, _unfinished(mine))
    del written
    sender.deliver(
        stream,
        wanted=mine,
        patient=False,
        until=until,
        progress=lambda counts: progress(counts.total(), len(ids)),
    )
    _take_over(stream, mine, until)
    late_results.wait()
    process_events(every=timedelta())  # A refused address is suppressed before the next run.
    return _balance(ids)


def plan(at: datetime, *, to: str = "", punctual: bool = True) -> Iterator[Digest]:
    """Yield the digests that ``send_due`` would write or finds waiting; change nothing."""
    waiting = _rows_of(to).filter(pk__in=_unfinished(_rows_of(to))).select_related("subscriber")
    yield from waiting.order_by("due_at", "pk").iterator(BALANCE_ROWS)
    yield from assembly.plan(at, to=to, punctual=punctual)


def _stream(at: datetime) -> MailStream[Digest]:
    """Return the digests' stream as it will be at that time, when some pauses are over."""
    if at <= now():
        return DIGESTS
    rested = Q(status=Subscriber.Status.PAUSED, paused_until__lte=at)
    return replace(DIGESTS, recipients=DIGESTS.recipients | rested)


def _rows_of(to: str) -> QuerySet[Digest]:
    rows: QuerySet[Digest] = DIGESTS.rows
    return rows.filter(subscriber__email_key=to) if to else rows


def _unfinished(rows: QuerySet[Digest]) -> QuerySet[Digest, int]:
    """Return the ids of digests that are queued for now or claimed."""
    unfinished = Q(state=Digest.State.QUEUED, next_attempt_at__lte=now())
    unfinished |= Q(state=Digest.State.CLAIMED)
    return rows.filter(unfinished).order_by().values_list("pk", flat=True)


def _ids(written: list[int], waiting: QuerySet[Digest, int]) -> NDArray[numpy.int64]:
    """Return the union of both as an array, which takes eight bytes a digest."""
    return numpy.unique(numpy.fromiter(chain(written, waiting.iterator()), dtype=numpy.int64))


def _take_over(stream: MailStream[Digest], mine: QuerySet[Digest], until: StopCondition) -> None:
    """Send the rows that an ended sender had claimed; a running one renews its claims meanwhile."""
    deadline = time.monotonic() + CLAIM_LEASE.total_seconds() + 1
    while time.monotonic() < deadline and mine.filter(state=Digest.State.CLAIMED).exists():
        if until():
            return
        time.sleep(TAKE_OVER_SECONDS)
        if outbox.release_expired(stream)[Digest.State.QUEUED]:
            sender.deliver(stream, wanted=mine, patient=False, until=until)


def _balance(ids: NDArray[numpy.int64]) -> Counter[str]:
    """Count the states of these digests, in portions that fit into one statement."""
    counts: Counter[str] = Counter()
    for start in range(0, len(ids), BALANCE_ROWS):
        portion = ids[start : start + BALANCE_ROWS].tolist()
        counts += outbox.balance(DIGESTS.rows.filter(pk__in=portion))
    return counts


def record_heartbeat(name: str, every: timedelta = HEARTBEAT_INTERVAL) -> bool:
    """Record that a part of the service is running, once in ``every`` by all processes together.

    Returns:
        Whether it was time to do so.
    """
    moment = now()
    if Heartbeat.objects.filter(name=name, at__range=(moment - every, moment)).exists():
        return False
    Heartbeat.objects.update_or_create(name=name, defaults={"at": moment})
    return True


def forget_heartbeats(at: datetime) -> int:
    """Delete the heartbeats of workers that ended more than a day ago; return their number."""
    gone = Heartbeat.objects.filter(at__lt=at - HEARTBEAT_RETENTION, name__startswith="worker ")
    return gone.delete()[0]
