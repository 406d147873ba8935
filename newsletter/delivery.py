"""Move outbound messages from their row to the wire: claim, send, record, settle.

The row is the queue. Every move is one conditional UPDATE guarded by the lease, the intent
(``sending``) is committed before the first network byte, and whatever cannot be known is
``uncertain`` rather than guessed (DESIGN section 4).
"""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from anymail.message import AnymailMessage
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import Count, Exists, F, Q, QuerySet
from django.utils.timezone import now

from newsletter import outcomes
from newsletter.models import Digest, Notice, Outbound, Stream, Subscriber
from newsletter.outcomes import Outcome, Verdict

log = logging.getLogger(__name__)

State = Outbound.State
CHUNK: Final = 50
CLAIM_LEASE: Final = timedelta(seconds=30)
SENDING_LEASE: Final = timedelta(minutes=2)
MAX_ATTEMPTS: Final = 8
FIRST_DELAY: Final = timedelta(seconds=30)
LONGEST_DELAY: Final = timedelta(hours=1)

Renderer = Callable[[list[Any]], Iterator[tuple[Any, AnymailMessage | Exception]]]


@dataclass(frozen=True)
class Lane:
    """One kind of outbound mail: its table, its stream, and how its rows become messages.

    ``render`` takes claimed rows and yields (row, message), or (row, exception) for a row that
    cannot be rendered; a row that it leaves out was settled by it (``cancel``).
    """

    model: type[Digest] | type[Notice]
    stream: str
    render: Renderer
    receivers: Q
    repeatable: bool

    @property
    def rows(self) -> QuerySet[Any]:
        return self.model._default_manager.all()


def deliver(
    lane: Lane,
    *,
    wanted: QuerySet[Any] | None = None,
    until: Callable[[], bool] = lambda: False,
    patient: bool = True,
) -> Counter[str]:
    """Send what is queued in this lane, chunk by chunk, and count the states reached.

    ``wanted`` restricts the run; ``until`` is asked between messages whether to stop early;
    a run that is not ``patient`` was asked for by a person and ignores a hold, never a pause.
    A row that went back to the queue is counted as ``queued``.
    """
    counts: Counter[str] = Counter()
    wanted = lane.rows if wanted is None else wanted
    with Wire() as wire:
        while not until() and not _is_stopped(lane.stream, patient=patient):
            rows = claim(lane, wanted)
            if not rows:
                break
            counts += _send_chunk(lane, rows, wire, until)
            if wire.stopped:
                break
    return counts


def claim(lane: Lane, wanted: QuerySet[Any], limit: int = CHUNK) -> list[Any]:
    """Take up to ``limit`` queued rows under a fresh lease; two claimers never share one."""
    moment = now()
    ready = wanted.filter(state=State.QUEUED, next_attempt_at__lte=moment)
    ids = list(ready.order_by("next_attempt_at", "pk").values_list("pk", flat=True)[:limit])
    lease = Outbound.new_lease()
    lane.rows.filter(pk__in=ids, state=State.QUEUED).update(
        state=State.CLAIMED, lease=lease, lease_until=moment + CLAIM_LEASE
    )
    return list(lane.rows.filter(lease=lease).select_related("subscriber").order_by("pk"))


class Wire:
    """One kept mail connection of one thread, reopened after any error."""

    def __init__(self) -> None:
        self.connection: BaseEmailBackend | None = None
        self.stopped = False

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> Outcome | None:
        """Connect if need be; None when the wire is ready, else why it is not."""
        try:
            self.connection = self.connection or get_connection()
            self.connection.open()
        except Exception as error:  # noqa: BLE001 - backends raise what they like; outcomes sorts it
            self.close()
            return outcomes.of_connection_error(error)
        return None

    def send(self, message: AnymailMessage) -> Outcome:
        """Hand one message over the open wire and say what came of it. Never raises."""
        assert self.connection is not None  # noqa: S101 - open() comes first
        try:
            accepted = self.connection.send_messages([message])
        except Exception as error:  # noqa: BLE001 - backends raise what they like; outcomes sorts it
            handed_over = bool(getattr(self.connection, "handed_over", False))
            self.close()
            return outcomes.of_error(error, handed_over=handed_over)
        return outcomes.of_success(message.anymail_status, message.to[0], accepted or 0)

    def close(self) -> None:
        """Drop the connection; the next one forgets whatever was wrong with it."""
        connection, self.connection = self.connection, None
        try:
            if connection is not None:
                connection.close()
        except Exception as error:  # noqa: BLE001 - it is being thrown away
            log.debug("Closing the mail connection: %s", type(error).__name__)


def _send_chunk(lane: Lane, rows: list[Any], wire: Wire, until: Callable[[], bool]) -> Counter[str]:
    counts: Counter[str] = Counter()
    pending = {row.pk: row for row in rows}
    for row, message in lane.render(rows):
        if wire.stopped or until():
            break
        pending.pop(row.pk)
        state = _send_one(lane, row, message, wire)
        counts[state] += 1
    if wire.stopped or until():
        _release(lane, pending.values())
        counts[State.QUEUED] += len(pending)
    else:
        settled = lane.rows.filter(pk__in=list(pending)).values_list("state", flat=True)
        counts.update(settled)
    return counts


def _send_one(lane: Lane, row: Any, message: AnymailMessage | Exception, wire: Wire) -> str:
    """Bring one claimed row to its next state and return that state."""
    if isinstance(message, Exception):
        log.error("%s %s cannot be written: %s", lane.stream, row.pk, message)
        return _move(lane, row, State.FAILED, reason=f"It could not be written: {message}")
    if row.expires_at and row.expires_at < now():
        return _move(lane, row, State.FAILED, reason="It could not be sent before it was too late.")
    trouble = wire.open()
    if trouble is not None:
        wire.stopped = True
        return _put_back(lane, row, trouble)
    if not _intend(lane, row, message):
        return _explain_refusal(lane, row)
    outcome = wire.send(message)
    if outcome.stop or outcome.hold_seconds:
        wire.stopped = True
    return _settle(lane, row, outcome)


def _intend(lane: Lane, row: Any, message: AnymailMessage) -> bool:
    """Commit the intent to send, unless the person, the stream or the lease says no.

    One statement, so that nothing can change between the question and the answer (RULES A10).
    """
    moment = now()
    message_id = str(message.extra_headers.get("Message-ID", ""))
    stopped = Stream.objects.filter(name=lane.stream, paused_at__isnull=False)
    receivers = Subscriber.objects.filter(lane.receivers)
    moved = (
        lane.rows.filter(pk=row.pk, state=State.CLAIMED, lease=row.lease)
        .filter(~Exists(stopped), subscriber__in=receivers)
        .update(
            state=State.SENDING,
            sending_at=moment,
            lease_until=moment + SENDING_LEASE,
            attempts=F("attempts") + 1,
            message_id=message_id,
        )
    )
    row.attempts += moved
    return bool(moved)


def _explain_refusal(lane: Lane, row: Any) -> str:
    """Why the intent was refused decides where the row goes."""
    if not Subscriber.objects.filter(lane.receivers, pk=row.subscriber_id).exists():
        return _move(lane, row, State.CANCELLED, reason="The subscriber no longer gets this mail.")
    return _move(lane, row, State.QUEUED, reason="Sending is paused.")


def _put_back(lane: Lane, row: Any, trouble: Outcome) -> str:
    """Nobody answers: that is no fault of this row, so the stream waits and no attempt is used."""
    log.warning("%s: %s", lane.stream, trouble.reason)
    if trouble.stop:
        pause(lane.stream, trouble.reason)
    else:
        hold(lane.stream, backoff(1).total_seconds())
    return _move(lane, row, State.QUEUED, reason=trouble.reason)


def _settle(lane: Lane, row: Any, outcome: Outcome) -> str:
    """Record what an attempt came to."""
    if outcome.stop:
        pause(lane.stream, outcome.reason)
    if outcome.hold_seconds:
        hold(lane.stream, outcome.hold_seconds)
    match outcome.verdict:
        case Verdict.SENT:
            return _move(
                lane, row, State.SENT, sent_at=now(), provider_id=outcome.provider_id[:200]
            )
        case Verdict.FINAL:
            return _move(lane, row, State.FAILED, reason=outcome.reason)
        case Verdict.UNCERTAIN if not lane.repeatable:
            return _move(lane, row, State.UNCERTAIN, reason=outcome.reason)
    if row.attempts >= MAX_ATTEMPTS:
        reason = f"Given up after {row.attempts} attempts. {outcome.reason}"
        return _move(lane, row, State.FAILED, reason=reason)
    wait = max(backoff(row.attempts), timedelta(seconds=outcome.hold_seconds))
    return _move(
        lane,
        row,
        State.QUEUED,
        reason=outcome.reason,
        attempts=row.attempts,
        next_attempt_at=now() + wait,
    )


def _move(lane: Lane, row: Any, to: str, **fields: Any) -> str:
    """Compare-and-set under the row's lease, along the legal moves only; returns the state."""
    origins = [state for state, targets in Outbound.MOVES.items() if to in targets]
    if "reason" in fields:
        fields["reason"] = fields["reason"][:500]
    else:
        fields["reason"] = ""
    moved = lane.rows.filter(pk=row.pk, lease=row.lease, state__in=origins).update(
        state=to, lease_until=None, **fields
    )
    if moved:
        return to
    return str(lane.rows.filter(pk=row.pk).values_list("state", flat=True).first() or "gone")


def cancel(lane: Lane, row: Any, reason: str) -> None:
    """For a renderer: this claimed row is not to be sent after all."""
    _move(lane, row, State.CANCELLED, reason=reason)


def _release(lane: Lane, rows: Iterable[Any]) -> None:
    for row in rows:
        _move(lane, row, State.QUEUED)


def backoff(attempts: int) -> timedelta:
    """Exponential with full jitter, at least a quarter of the step, capped at an hour."""
    ceiling = min(FIRST_DELAY * float(2 ** max(0, attempts - 1)), LONGEST_DELAY)
    return ceiling * random.uniform(0.25, 1.0)  # noqa: S311 - jitter is no secret


def reap(lane: Lane, moment: datetime | None = None) -> Counter[str]:
    """Free the rows of a sender that died: claims go back, what may have left is uncertain."""
    over = lane.rows.filter(lease_until__lt=moment or now())
    counts: Counter[str] = Counter()
    counts[State.QUEUED] += over.filter(state=State.CLAIMED).update(
        state=State.QUEUED, lease="", lease_until=None
    )
    sending = over.filter(state=State.SENDING)
    if lane.repeatable:
        counts[State.QUEUED] += sending.update(state=State.QUEUED, lease="", lease_until=None)
    else:
        counts[State.UNCERTAIN] += sending.update(
            state=State.UNCERTAIN,
            lease_until=None,
            reason="The sender stopped while this message was leaving; it may have arrived.",
        )
    return +counts


def resend(lane: Lane, ids: Iterable[int]) -> int:
    """An operator's decision: failed and uncertain rows go out once more."""
    return lane.rows.filter(pk__in=list(ids), state__in=[State.FAILED, State.UNCERTAIN]).update(
        state=State.QUEUED,
        attempts=0,
        next_attempt_at=now(),
        expires_at=None,
        lease="",
        reason="Resent by the operator.",
    )


def confirm_sent(digest_id: int, provider_id: str) -> bool:
    """A provider event proves that a message left: settle an uncertain or unfinished row."""
    unsettled = Digest.objects.filter(pk=digest_id, state__in=[State.UNCERTAIN, State.SENDING])
    return bool(
        unsettled.update(
            state=State.SENT,
            sent_at=now(),
            lease="",
            lease_until=None,
            provider_id=provider_id[:200],
            reason="",
        )
    )


def pause(stream: str, reason: str) -> None:
    """Stop a stream; whoever is sending notices before the next message."""
    Stream.objects.update_or_create(
        name=stream, defaults={"paused_at": now(), "paused_reason": reason[:300]}
    )
    log.error("The %s stream is paused: %s", stream, reason)


def resume(stream: str) -> None:
    """Start a stream again, at once."""
    Stream.objects.update_or_create(
        name=stream, defaults={"paused_at": None, "paused_reason": "", "hold_until": None}
    )


def hold(stream: str, seconds: float) -> None:
    """Let the whole stream wait because the provider asked for it."""
    until = now() + timedelta(seconds=seconds)
    Stream.objects.update_or_create(name=stream, defaults={"hold_until": until})


def _is_stopped(stream: str, *, patient: bool) -> bool:
    stopped = Q(paused_at__isnull=False)
    if patient:
        stopped |= Q(hold_until__gt=now())
    return Stream.objects.filter(stopped, name=stream).exists()


def balance(digests: QuerySet[Digest]) -> Counter[str]:
    """How many digests stand in each state; the sum is what was due."""
    counts: Counter[str] = Counter(dict.fromkeys(State.values, 0))
    grouped = digests.order_by().values_list("state").annotate(Count("pk"))
    counts.update(dict(grouped))
    return counts
