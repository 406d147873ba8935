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
from typing import Final

import numpy
from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.timezone import now
from numpy.typing import NDArray

from newsletter import host_clock
from newsletter.delivery import (
    alarms,
    bounce_mailbox,
    bounces,
    circuit_breakers,
    late_results,
    outbox,
    sender,
    senders,
    streams,
)
from newsletter.delivery.outbox import CLAIM_LEASE, MailStream
from newsletter.delivery.rendering import DIGESTS, NOTICES, STREAMS
from newsletter.digests import assembly, claims, run_papers
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


def after(seconds: float, stopped: StopCondition) -> StopCondition:
    """Return a condition that holds once ``seconds`` have passed from now, or when ``stopped``."""
    end = time.monotonic() + seconds
    return lambda: stopped() or time.monotonic() > end


def never() -> bool:
    """Return False: a stop condition for runs that go on to the end."""
    return False


def send_notices(until: StopCondition = never) -> Counter[str]:
    """Send the transactional mail and return the states that rows reached."""
    if host_clock.is_off():
        return Counter()
    outbox.release_expired(NOTICES)
    streams.resume_due()
    return sender.deliver(NOTICES, until=until)


def prepare_digests() -> None:
    """Correct what keeps digests from being assembled or sent; costs little, for every round.

    The rows of senders that ended are free, pauses that are over end, and dates of a wrong clock
    are corrected.
    """
    if host_clock.is_off():
        return
    outbox.release_expired(DIGESTS)
    streams.resume_due()
    due_dates.correct_dates(now())
    subscriptions.resume_due(now())
    # Only now: a process that waits for the rows of another one is not at work.
    record_heartbeat("worker")


def prepare_papers() -> bool:
    """Read the papers of a morning that begins soon, for this process; return whether one does."""
    return run_papers.prepare(now())


def assemble_digests(
    first: int = 0, last: int = assembly.LAST_ID, until: StopCondition = never
) -> int:
    """Write the digests of the due readers in a slice, of all by default; return their number.

    Args:
        first: The lowest id of a reader.
        last: The highest id.
        until: Ends the assembling between two portions.
    """
    if host_clock.is_off():
        return 0
    written = assembly.assemble_slice(first, last, until=until)
    if written:
        skipped = Digest.objects.filter(pk__in=written, state=Digest.State.SKIPPED).count()
        log.info("Assembled %s digests; %s of them are skipped.", len(written), skipped)
    return len(written)


def send_digests(until: StopCondition = never) -> Counter[str]:
    """Send the queued digests, and return the states that rows reached.

    Any number of processes share them. A second thread of one process does nothing: the first has
    the connections.

    Args:
        until: Ends the sending, which goes on in the next round.
    """
    if host_clock.is_off():
        return Counter()
    with senders.registered(until) as over:
        counts = sender.deliver(DIGESTS, until=over) if over else Counter()
    if counts:
        log.info("Digests: %s", balance_line(counts))
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
    written = _assemble_all(at, to, punctual, until)
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


def _assemble_all(at: datetime, to: str, punctual: bool, until: StopCondition) -> list[int]:
    """Assemble what is due; wait for what others have claimed, and do it where they were killed."""
    written = assembly.assemble(at, to=to, punctual=punctual, until=until)
    deadline = time.monotonic() + claims.CLAIM_LEASE.total_seconds() + 1
    while not until() and time.monotonic() < deadline and assembly.is_claimed(at, to=to):
        time.sleep(TAKE_OVER_SECONDS)
        written += assembly.assemble(at, to=to, punctual=punctual, until=until)
    return written


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
        Whether it was time to do so; of several processes that ask at once one is told so.
    """
    moment = now()
    beats, recent = Heartbeat.objects.filter(name=name), Q(at__range=(moment - every, moment))
    if beats.filter(recent).exists():
        return False
    if beats.exclude(recent).update(at=moment):
        return True
    Heartbeat.objects.bulk_create([Heartbeat(name=name, at=moment)], ignore_conflicts=True)
    return True


def forget_heartbeats(at: datetime) -> int:
    """Delete the heartbeats of processes that ended more than a day ago; return their number."""
    processes = Q(name__startswith="worker ") | Q(name__startswith="process ")
    processes |= Q(name__startswith=senders.PREFIX)
    return Heartbeat.objects.filter(processes, at__lt=at - HEARTBEAT_RETENTION).delete()[0]
