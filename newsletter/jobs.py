"""The post office's rounds: which lanes there are and what one sweep over them does.

Everything here can be repeated, run twice at once, or be killed: the rows say what is left.
Celery tasks, the worker's own sweeper and the commands all call these functions.
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
from django.db.models import Q, QuerySet
from django.utils.timezone import now
from numpy.typing import NDArray

from newsletter.delivery import bounces, circuit_breakers, outbox, sender, streams
from newsletter.delivery.outbox import CLAIM_LEASE, Lane
from newsletter.delivery.rendering import DIGESTS, LANES, NOTICES
from newsletter.digests import assembly
from newsletter.models import Digest, Heartbeat, Subscriber
from newsletter.subscriptions import service as subscriptions

log = logging.getLogger(__name__)

PULSE: Final = timedelta(seconds=15)
WEIGHED_EVERY: Final = timedelta(minutes=1)
TAKE_OVER_SECONDS: Final = 1.0
BALANCE_CHUNK: Final = 5000
# What the balance names; the rest of what was due waits to be tried again.
SETTLED: Final = (
    Digest.State.SENT,
    Digest.State.FAILED,
    Digest.State.UNCERTAIN,
    Digest.State.SKIPPED,
    Digest.State.CANCELLED,
)
Until = Callable[[], bool]
Watch = Callable[[int, int], None]
"""Is told how many digests came to something, and how many there are."""
_assembling = Lock()


def never() -> bool:
    return False


def sweep_notices(until: Until = never) -> Counter[str]:
    """One round over the transactional mail; returns the states reached."""
    outbox.reap(NOTICES)
    return sender.deliver(NOTICES, until=until)


def sweep_digests(until: Until = never, stopped: Until = never) -> Counter[str]:
    """One round over everything else: events in, digests out; returns the states reached.

    ``until`` ends what can go on in the next round; choosing papers cannot, since reading them
    may take longer than a round, and ends only when the service is ``stopped``.
    """
    beat("worker")
    hear(until)
    outbox.reap(DIGESTS)
    subscriptions.resume_due(now())
    written = _assemble(stopped)
    if not written and streams.is_stopped(DIGESTS.stream, patient=True):
        return Counter()
    ids = _ids(written, _unfinished(DIGESTS.rows))
    counts = sender.deliver(DIGESTS, until=until)
    if counts or written:
        log.info("Digests: %s", balance_line(_balance(ids)))
    return counts


def hear(until: Until = never, *, every: timedelta = WEIGHED_EVERY) -> int:
    """Act on what providers told, and ask now and then whether our mail does harm.

    Returns how many events were read. The question costs more than an event, so that it waits
    until ``every`` has passed, whoever read the events and whatever they were.
    """
    read = bounces.process(until)
    if beat("breakers", every):
        circuit_breakers.check(now())
    return read


def _assemble(stopped: Until) -> list[int]:
    """Write the digests that are due, unless another thread of this process is about it."""

    def over() -> bool:
        beat("worker")
        return stopped()

    if not _assembling.acquire(blocking=False):
        return []
    try:
        return assembly.assemble(now(), until=over)
    finally:
        _assembling.release()


def balance_line(counts: Counter[str]) -> str:
    """``due=`` and what became of it, as the command prints and the worker logs it."""
    due = sum(counts.values())
    waiting = due - sum(counts[state] for state in SETTLED)
    words = [f"due={due}", *(f"{state}={counts[state]}" for state in SETTLED)]
    return " ".join([*words, f"queued={waiting}"])


def send_due(
    at: datetime,
    *,
    to: str = "",
    punctual: bool = True,
    until: Until = never,
    watch: Watch = lambda _done, _due: None,
) -> Counter[str]:
    """What the command does: assemble what is due at ``at``, send it, and keep the balance.

    Counts every digest that this run wrote or found waiting; the states add up to ``due``.
    A time to come ends nobody's pause: whose will be over by then gets this digest and no more.
    ``until`` is asked between messages whether to stop; ``watch`` is told how far it is.
    """
    hear()
    for lane in LANES:
        outbox.reap(lane)
    sender.deliver(NOTICES, patient=False, until=until)
    subscriptions.resume_due(min(at, now()), to=to)
    written = assembly.assemble(at, to=to, punctual=punctual, until=until)
    lane, mine = _lane(at), _rows_of(to)
    ids = _ids(written, _unfinished(mine))
    del written
    sender.deliver(
        lane,
        wanted=mine,
        patient=False,
        until=until,
        watch=lambda counts: watch(counts.total(), len(ids)),
    )
    _take_over(lane, mine, until)
    hear(every=timedelta())  # Who was refused for good is not asked again.
    return _balance(ids)


def plan(at: datetime, *, to: str = "", punctual: bool = True) -> Iterator[Digest]:
    """The digests that ``send_due`` would write or finds waiting; changes nothing."""
    waiting = _rows_of(to).filter(pk__in=_unfinished(_rows_of(to))).select_related("subscriber")
    yield from waiting.order_by("due_at", "pk").iterator(BALANCE_CHUNK)
    yield from assembly.plan(at, to=to, punctual=punctual)


def _lane(at: datetime) -> Lane:
    """The digests' lane as it will be at that time, when some pauses are over."""
    if at <= now():
        return DIGESTS
    rested = Q(status=Subscriber.Status.PAUSED, paused_until__lte=at)
    return replace(DIGESTS, receivers=DIGESTS.receivers | rested)


def _rows_of(to: str) -> QuerySet[Digest]:
    rows: QuerySet[Digest] = DIGESTS.rows
    return rows.filter(subscriber__email_key=to) if to else rows


def _unfinished(rows: QuerySet[Digest]) -> QuerySet[Digest, int]:
    """The ids of digests that wait to be sent now, or that somebody is about to send."""
    unfinished = Q(state=Digest.State.QUEUED, next_attempt_at__lte=now())
    unfinished |= Q(state=Digest.State.CLAIMED)
    return rows.filter(unfinished).order_by().values_list("pk", flat=True)


def _ids(written: list[int], waiting: QuerySet[Digest, int]) -> NDArray[numpy.int64]:
    """Both together, each once; eight bytes a digest, as a set of so many would be felt."""
    return numpy.unique(numpy.fromiter(chain(written, waiting.iterator()), dtype=numpy.int64))


def _take_over(lane: Lane, mine: QuerySet[Digest], until: Until) -> None:
    """Send what a sender that died had claimed; one that is alive renews its claims meanwhile."""
    deadline = time.monotonic() + CLAIM_LEASE.total_seconds() + 1
    while time.monotonic() < deadline and mine.filter(state=Digest.State.CLAIMED).exists():
        if until():
            return
        time.sleep(TAKE_OVER_SECONDS)
        if outbox.reap(lane)[Digest.State.QUEUED]:
            sender.deliver(lane, wanted=mine, patient=False, until=until)


def _balance(ids: NDArray[numpy.int64]) -> Counter[str]:
    """The states of these digests, asked for in portions that a database can take."""
    counts: Counter[str] = Counter()
    for start in range(0, len(ids), BALANCE_CHUNK):
        portion = ids[start : start + BALANCE_CHUNK].tolist()
        counts += outbox.balance(DIGESTS.rows.filter(pk__in=portion))
    return counts


def beat(name: str, every: timedelta = PULSE) -> bool:
    """Show that a part of the service is alive; a laptop's disk need not hear it each second.

    Returns whether it was time to do so, which it is once in ``every`` for all processes together.
    """
    moment = now()
    if Heartbeat.objects.filter(name=name, at__range=(moment - every, moment)).exists():
        return False
    Heartbeat.objects.update_or_create(name=name, defaults={"at": moment})
    return True
