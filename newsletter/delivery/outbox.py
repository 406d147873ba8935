"""The queue of outbound mail: rows claimed under a lease and moved by compare-and-set.

Every move is one conditional UPDATE guarded by the lease and by the legal moves of the state
machine (``Outbound.MOVES``). ``commit_round`` is the core: in one transaction it stores the results
of the last messages and the intent to send the next ones, so that a whole round costs one wait for
the disk, and no message leaves before its intent is durable.
"""

from __future__ import annotations

import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from itertools import chain
from typing import Any, Final, Generic, NamedTuple, TypeVar, cast

from anymail.message import AnymailMessage
from django.db import connection, transaction
from django.db.models import Count, Q, QuerySet
from django.utils.timezone import now

from newsletter.delivery import streams
from newsletter.mail.errors import SendResult, SendStatus
from newsletter.models import DeliveryEvent, Digest, Notice, Outbound, Subscriber
from newsletter.security import email_addresses

log = logging.getLogger(__name__)

State = Outbound.State
CLAIM_ROWS: Final = 128
# A running sender renews its claims long before they expire; those of a dead one are free soon.
CLAIM_LEASE: Final = timedelta(seconds=10)
LEASE_RENEWAL_SECONDS: Final = 3.0
SENDING_LEASE: Final = timedelta(minutes=2)
MAX_ATTEMPTS: Final = 8
# A claimer whose rows were taken meanwhile tries again at one of this many offsets.
CLAIM_OFFSETS: Final = 8
FIRST_RETRY_DELAY: Final = timedelta(seconds=30)
LONGEST_RETRY_DELAY: Final = timedelta(hours=1)
REASON_LENGTH: Final = 500

# The provider of an event that records the direct answer of an SMTP server.
SMTP_ANSWER: Final = "smtp"
# The columns that this module and its callers read of a row.
QUEUE_COLUMNS: Final = (
    *("public_id", "state", "lease", "attempts", "expires_at"),
    *("subscriber", "subscriber__email"),
)

PLAINLY_SENT: Final = SendResult(SendStatus.SENT)
PAUSED: Final = "SELECT 1 FROM newsletter_stream WHERE name = %s AND paused_at IS NOT NULL"
RowT = TypeVar("RowT", bound="Digest | Notice")
Key = tuple[int, str]
"""The id of a row and the lease under which it is held."""
Renderer = Callable[[list[RowT]], Iterator[tuple[RowT, AnymailMessage | Exception]]]


@dataclass(frozen=True)
class MailStream(Generic[RowT]):
    """One kind of outbound mail: its table, its name, and how its rows become messages.

    Attributes:
        model: The table that is the queue.
        name: The primary key of the ``Stream`` row that pauses and holds this mail.
        renderer: Makes the renderer of one run, which takes claimed rows and yields (row, message),
            or (row, exception) for a row that cannot be rendered. A row that it leaves out was
            moved by it (``cancel``).
        recipients: The condition on a subscriber under which this mail may be sent.
        repeatable: Whether a message in doubt may be sent again.
        columns: The columns that the renderer reads; empty for all.
        stored_columns: The columns that the renderer sets, stored with the intent to send.
        spread: Whether the mail is spread over MAIL_WINDOW.
    """

    model: type[RowT]
    name: str
    renderer: Callable[[], Renderer[RowT]]
    recipients: Q
    repeatable: bool
    columns: tuple[str, ...] = ()
    stored_columns: tuple[str, ...] = ()
    spread: bool = False

    @property
    def table(self) -> str:
        """Return the name of the table."""
        return self.model._meta.db_table

    @property
    def rows(self) -> QuerySet[RowT]:
        """Return all rows of the queue."""
        return cast("QuerySet[RowT]", self.model.objects.all())


@dataclass(frozen=True)
class Attempt(Generic[RowT]):
    """A claimed row with the message that is to be sent for it."""

    row: RowT
    message: AnymailMessage

    @property
    def message_id(self) -> str:
        """Return the Message-ID header, empty when there is none."""
        return str(self.message.extra_headers.get("Message-ID", ""))

    @property
    def key(self) -> Key:
        """Return the id of the row and its lease."""
        return self.row.pk, self.row.lease


class Sql(NamedTuple):
    """A part of a statement and the values of its placeholders."""

    text: str
    values: list[Any]


@dataclass
class Claim(Generic[RowT]):
    """Rows of one stream under one lease."""

    stream: MailStream[RowT]
    lease: str
    rows: list[RowT]
    renewed: float = field(default_factory=time.monotonic)

    def renew(self) -> None:
        """Extend the lease of the rows that still wait, once it is LEASE_RENEWAL_SECONDS old."""
        if time.monotonic() - self.renewed < LEASE_RENEWAL_SECONDS:
            return
        self.renewed = time.monotonic()
        self.stream.rows.filter(lease=self.lease, state=State.CLAIMED).update(
            lease_until=now() + CLAIM_LEASE
        )


def claim(stream: MailStream[RowT], wanted: QuerySet[RowT], limit: int = CLAIM_ROWS) -> Claim[RowT]:
    """Take up to ``limit`` queued rows of ``wanted`` under a fresh lease.

    Two claimers never share a row. A claimer that loses all its rows to a faster one tries again at
    a random offset; the result is empty only when nothing is queued.
    """
    waiting = ready(wanted).order_by("next_attempt_at", "pk").values_list("pk", flat=True)
    taken: Claim[RowT] = Claim(stream, Outbound.new_lease(), [])
    start = 0
    while (ids := list(waiting[start : start + limit])) or start:
        if ids and stream.rows.filter(pk__in=ids, state=State.QUEUED).update(
            state=State.CLAIMED, lease=taken.lease, lease_until=now() + CLAIM_LEASE
        ):
            mine = stream.rows.filter(pk__in=ids, lease=taken.lease)
            mine = mine.select_related("subscriber").order_by("pk")
            if stream.columns:
                mine = mine.only(*QUEUE_COLUMNS, *stream.columns)
            taken.rows = list(mine)
            break
        start = 0 if start else limit * random.randrange(CLAIM_OFFSETS)  # noqa: S311 - no secret
    return taken


def ready(wanted: QuerySet[RowT]) -> QuerySet[RowT]:
    """Return the queued rows that may be tried now."""
    return wanted.filter(state=State.QUEUED, next_attempt_at__lte=now())


def commit_round(
    stream: MailStream[RowT],
    results: list[tuple[Attempt[RowT], SendResult]],
    attempts: list[Attempt[RowT]],
) -> tuple[Counter[str], list[Attempt[RowT]]]:
    """Store the results of sent messages and the intent to send ``attempts``, in one transaction.

    Safe to repeat when the answer to the commit was lost.

    Returns:
        How many rows reached each state, and the attempts that may leave now.
    """
    counts: Counter[str] = Counter()
    with transaction.atomic():
        plain = [attempt.row for attempt, result in results if result == PLAINLY_SENT]
        counts += _store_sent(stream, plain)
        for attempt, result in results:
            if result != PLAINLY_SENT:
                counts[_store_result(stream, attempt.row, result)] += 1
        granted = _store_intents(stream, attempts)
    for attempt in attempts:
        if attempt.key not in granted:
            counts[_release_refused(stream, attempt.row)] += 1
    return counts, [attempt for attempt in attempts if attempt.key in granted]


def _store_sent(stream: MailStream[RowT], rows: list[RowT]) -> Counter[str]:
    """Mark all rows of a round as sent in one statement, whose text is the same each time."""
    if not rows:
        return Counter()
    moved = _update(
        stream,
        {"id": [row.pk for row in rows], "lease": [row.lease for row in rows]},
        Sql(
            "state = %s, sent_at = %s, lease_until = NULL, reason = ''",
            [State.SENT, _database_time(now())],
        ),
        Sql("state IN (%s, %s)", [State.SENDING, State.UNCERTAIN]),
    )
    if len(moved) == len(rows):
        return Counter({State.SENT: len(moved)})
    ids = [row.pk for row in rows]
    return Counter(stream.rows.filter(pk__in=ids).values_list("state", flat=True))


def _store_intents(stream: MailStream[RowT], attempts: list[Attempt[RowT]]) -> set[Key]:
    """Commit the intent to send, unless the subscriber, the stream or the lease forbids it.

    One statement checks and writes, so that nothing can change in between.
    """
    if not attempts:
        return set()
    moment = now()
    allowed, values = _recipients_sql(stream)
    stored = {
        name: [getattr(attempt.row, name) for attempt in attempts] for name in stream.stored_columns
    }
    stored["message_id"] = [attempt.message_id for attempt in attempts]
    assignments = ", ".join(f"{name} = given.{name}" for name in stored)
    granted = _update(
        stream,
        {
            "id": [attempt.row.pk for attempt in attempts],
            "lease": [attempt.row.lease for attempt in attempts],
            **stored,
        },
        Sql(
            "state = %s, sending_at = %s, lease_until = %s, attempts = attempts + 1, "
            + assignments,
            [State.SENDING, _database_time(moment), _database_time(moment + SENDING_LEASE)],
        ),
        Sql(
            f"state = %s AND NOT EXISTS ({PAUSED}) AND EXISTS ({allowed})",
            [State.CLAIMED, stream.name, *values],
        ),
    )
    if len(granted) != len(attempts):  # Some were refused, or had been granted before.
        ids = [attempt.row.pk for attempt in attempts]
        mine = stream.rows.filter(pk__in=ids, state=State.SENDING)
        granted = set(mine.values_list("pk", "lease"))
    for attempt in attempts:
        attempt.row.attempts += attempt.key in granted
    return granted


@cache
def _recipients_sql(stream: MailStream[RowT]) -> tuple[str, tuple[Any, ...]]:
    """Return the subquery, and its values, that finds the subscriber of a row who may get mail."""
    allowed = Subscriber.objects.filter(stream.recipients).order_by().values("pk")
    sql, values = allowed.query.sql_with_params()
    return f"{sql} AND newsletter_subscriber.id = {stream.table}.subscriber_id", values


def _update(
    stream: MailStream[RowT], given: Mapping[str, Sequence[Any]], change: Sql, condition: Sql
) -> set[Key]:
    """Change many rows in one statement, each by its own values.

    Args:
        stream: The stream whose table is changed.
        given: For each column the values of all rows; ``id`` and ``lease`` find the row.
        change: The SET clause, which may read ``given``.
        condition: The rest of the WHERE clause.

    Returns:
        The keys of the rows that were changed.
    """
    line = "(" + ", ".join(["%s"] * len(given)) + ")"
    values = list(zip(*given.values(), strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH given ({', '.join(given)}) AS (VALUES {', '.join([line] * len(values))}) "  # noqa: S608
            f"UPDATE {stream.table} SET {change.text} FROM given "
            f"WHERE {stream.table}.id = given.id AND {stream.table}.lease = given.lease "
            f"AND {condition.text} RETURNING {stream.table}.id, {stream.table}.lease",
            [*chain.from_iterable(values), *change.values, *condition.values],
        )
        return set(cursor.fetchall())


def _database_time(moment: datetime) -> Any:
    """Return a time as this database stores it."""
    return connection.ops.adapt_datetimefield_value(moment)


def _release_refused(stream: MailStream[RowT], row: RowT) -> str:
    """Cancel or requeue a row whose intent was refused, and return its state."""
    if not Subscriber.objects.filter(stream.recipients, pk=row.subscriber_id).exists():
        return move(stream, row, State.CANCELLED, reason="The subscriber no longer gets this mail.")
    return move(stream, row, State.QUEUED, reason="Sending is paused.")


def _store_result(stream: MailStream[RowT], row: RowT, result: SendResult) -> str:
    """Move a row by the result of its attempt, and return its state."""
    if result.stop:
        streams.pause(stream.name, result.reason)
    if result.hold_seconds:
        streams.hold(stream.name, result.hold_seconds, result.reason)
    match result.status:
        case SendStatus.SENT:
            return move(
                stream, row, State.SENT, sent_at=now(), provider_id=result.provider_id[:200]
            )
        case SendStatus.FINAL:
            reached = move(stream, row, State.FAILED, reason=result.reason)
            if reached == State.FAILED and result.reject_reason:
                _store_bounce(row, result)
            return reached
        case SendStatus.UNCERTAIN if not stream.repeatable:
            return move(stream, row, State.UNCERTAIN, reason=result.reason)
    if row.attempts >= MAX_ATTEMPTS:
        reason = f"Given up after {row.attempts} attempts. {result.reason}"
        return move(stream, row, State.FAILED, reason=reason)
    wait = max(retry_delay(row.attempts), timedelta(seconds=result.hold_seconds))
    again = now() if result.retry_now else now() + wait
    return move(stream, row, State.QUEUED, reason=result.reason, next_attempt_at=again)


def _store_bounce(row: Digest | Notice, result: SendResult) -> None:
    """Store the direct refusal of a recipient by a mail server as a delivery event."""
    DeliveryEvent.objects.bulk_create(
        [
            DeliveryEvent(
                provider=SMTP_ANSWER,
                event_key=f"{row.public_id.hex}-{row.attempts}",
                type="bounced",
                recipient=row.subscriber.email,
                email_key=email_addresses.key_of(row.subscriber.email),
                digest=row if isinstance(row, Digest) else None,
                reject_reason=result.reject_reason,
                description=result.reason,
                occurred_at=now(),
            )
        ],
        ignore_conflicts=True,
    )


def move(stream: MailStream[RowT], row: RowT, to: str, **fields: Any) -> str:
    """Move a row under its lease, along the legal moves only, and return the state it has then."""
    fields["reason"] = fields.get("reason", "")[:REASON_LENGTH]
    mine = stream.rows.filter(pk=row.pk, lease=row.lease, state__in=_origins(to))
    if mine.update(state=to, lease_until=None, **fields):
        return to
    return str(stream.rows.filter(pk=row.pk).values_list("state", flat=True).first() or "gone")


def _origins(to: str) -> list[str]:
    """Return the states from which ``to`` can be reached."""
    return [state for state, targets in Outbound.MOVES.items() if to in targets]


def cancel(stream: MailStream[RowT], row: RowT, reason: str) -> None:
    """Cancel a claimed row; for renderers."""
    move(stream, row, State.CANCELLED, reason=reason)


def release(claim: Claim[RowT], reason: str = "") -> int:
    """Put the rows of a claim that were not tried back into the queue, and return their number."""
    mine = claim.stream.rows.filter(lease=claim.lease, state=State.CLAIMED)
    return mine.update(
        state=State.QUEUED, lease="", lease_until=None, reason=reason[:REASON_LENGTH]
    )


def retry_delay(attempts: int) -> timedelta:
    """Return an exponential delay with jitter, at least a quarter of the step, at most an hour."""
    ceiling = min(FIRST_RETRY_DELAY * float(2 ** max(0, attempts - 1)), LONGEST_RETRY_DELAY)
    return ceiling * random.uniform(0.25, 1.0)  # noqa: S311 - jitter is no secret


def release_expired(stream: MailStream[RowT], moment: datetime | None = None) -> Counter[str]:
    """Free the rows of senders that died: claims are queued again, open messages are uncertain."""
    over = stream.rows.filter(lease_until__lt=moment or now())
    counts: Counter[str] = Counter()
    counts[State.QUEUED] += over.filter(state=State.CLAIMED).update(
        state=State.QUEUED, lease="", lease_until=None
    )
    sending = over.filter(state=State.SENDING)
    if stream.repeatable:
        counts[State.QUEUED] += sending.update(state=State.QUEUED, lease="", lease_until=None)
    else:
        counts[State.UNCERTAIN] += sending.update(
            state=State.UNCERTAIN,
            lease_until=None,
            reason="The sender stopped while this message was leaving; it may have arrived.",
        )
    return +counts


def resend(stream: MailStream[RowT], ids: Iterable[int]) -> int:
    """Queue failed and uncertain rows again, by decision of the operator."""
    return stream.rows.filter(pk__in=list(ids), state__in=[State.FAILED, State.UNCERTAIN]).update(
        state=State.QUEUED,
        attempts=0,
        next_attempt_at=now(),
        expires_at=None,
        lease="",
        reason="Resent by the operator.",
    )


def requeue_failed(stream: MailStream[RowT], rows: list[RowT], reason: str) -> int:
    """Queue rows again that failed under these leases for a reason that was not theirs."""
    failed = Q()
    for row in rows:
        failed |= Q(pk=row.pk, lease=row.lease)
    mine = stream.rows.filter(failed, state=State.FAILED)
    return mine.update(state=State.QUEUED, lease="", reason=reason[:REASON_LENGTH]) if rows else 0


def confirm_sent(digest_id: int, provider_id: str) -> bool:
    """Settle an uncertain or unfinished digest whose provider reports that it left."""
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


def balance(digests: QuerySet[Digest]) -> Counter[str]:
    """Count the digests in each state; the sum is the number that was due."""
    counts: Counter[str] = Counter(dict.fromkeys(State.values, 0))
    grouped = digests.order_by().values_list("state").annotate(Count("pk"))
    counts.update(dict(grouped))
    return counts
