"""The queue of outbound mail: rows claimed under a lease and moved by compare-and-set.

Every move is one conditional UPDATE guarded by the lease and by the legal moves of the state
machine (``Outbound.MOVES``).
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Generic, TypeVar, cast

from anymail.message import AnymailMessage
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils.timezone import now

from newsletter.delivery.statements import Key
from newsletter.leases import LONGEST_BELIEVED_LEASE, lease_clock, lease_end
from newsletter.models import Digest, Notice, Outbound

State = Outbound.State
CLAIM_ROWS: Final = 128
# A running sender renews its claims long before they expire; those of a dead one are free soon.
CLAIM_LEASE: Final = timedelta(seconds=10)
LEASE_RENEWAL_SECONDS: Final = 3.0
# A sender renews the lease of a message that is not answered, until its time-out.
SENDING_LEASE: Final = timedelta(seconds=30)
SENDING_RENEWAL_SECONDS: Final = 10.0
# What is later was written by a wrong clock and is not believed.
LONGEST_BELIEVED_WAIT: Final = timedelta(hours=5)
RELEASED_ROWS: Final = 1000
FIRST_RETRY_DELAY: Final = timedelta(seconds=30)
LONGEST_RETRY_DELAY: Final = timedelta(hours=1)
# A policy seldom changes within hours, and asking often makes it stricter.
FIRST_POLICY_DELAY: Final = timedelta(minutes=30)
LONGEST_POLICY_DELAY: Final = timedelta(hours=4)
# What the operator sends again is tried for so long.
RESENT_LIFETIME: Final = timedelta(hours=12)
REASON_LENGTH: Final = 500

# The provider of an event that records the direct answer of an SMTP server.
SMTP_ANSWER: Final = "smtp"
# The columns that this module and its callers read of a row.
QUEUE_COLUMNS: Final = (
    *("public_id", "state", "lease", "attempts", "expires_at"),
    *("subscriber", "subscriber__email"),
)

RowT = TypeVar("RowT", bound="Digest | Notice")
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
            lease_until=lease_end(CLAIM_LEASE)
        )


def renew_sending(stream: MailStream[RowT], attempts: Iterable[Attempt[RowT]]) -> None:
    """Extend the leases of messages that a server has not answered yet."""
    rows = {attempt.row.pk: attempt.row.lease for attempt in attempts}
    stream.rows.filter(pk__in=rows, lease__in=set(rows.values()), state=State.SENDING).update(
        lease_until=lease_end(SENDING_LEASE)
    )


def claim(stream: MailStream[RowT], wanted: QuerySet[RowT], limit: int = CLAIM_ROWS) -> Claim[RowT]:
    """Take up to ``limit`` queued rows of ``wanted`` under a fresh lease.

    Two claimers never share a row: SQLite lets one write at a time, and on PostgreSQL a claimer
    skips the rows that another one has locked. The result is empty only when nothing is queued.
    """
    taken: Claim[RowT] = Claim(stream, Outbound.new_lease(), [])
    waiting = ready(wanted)
    if not waiting.exists():
        return taken
    with transaction.atomic():
        locked = waiting.select_for_update(of=("self",), skip_locked=True)
        ids = list(locked.order_by("next_attempt_at", "pk").values_list("pk", flat=True)[:limit])
        stream.rows.filter(pk__in=ids, state=State.QUEUED).update(
            state=State.CLAIMED, lease=taken.lease, lease_until=lease_end(CLAIM_LEASE)
        )
    mine = stream.rows.filter(pk__in=ids, lease=taken.lease)
    mine = mine.select_related("subscriber").order_by("pk")
    if stream.columns:
        mine = mine.only(*QUEUE_COLUMNS, *stream.columns)
    taken.rows = list(mine)
    return taken


def ready(wanted: QuerySet[RowT]) -> QuerySet[RowT]:
    """Return the queued rows that may be tried now."""
    return wanted.filter(state=State.QUEUED, next_attempt_at__lte=now())


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


def retry_delay(attempts: int, *, policy: bool = False) -> timedelta:
    """Return an exponential delay with jitter, at least a quarter of the step.

    At most an hour, or four where a ``policy`` refused the message.
    """
    first, longest = FIRST_RETRY_DELAY, LONGEST_RETRY_DELAY
    if policy:
        first, longest = FIRST_POLICY_DELAY, LONGEST_POLICY_DELAY
    ceiling = min(first * float(2 ** max(0, attempts - 1)), longest)
    return ceiling * random.uniform(0.25, 1.0)  # noqa: S311 - jitter is no secret


def release_expired(stream: MailStream[RowT]) -> Counter[str]:
    """Free the rows of senders that ended: claims are queued again, open messages are uncertain.

    Rows that a transaction holds locked are left for the next time. A lease or a waiting time that
    ends later than any rule allows was written by a wrong clock and counts as over.
    """
    counts: Counter[str] = Counter()
    clock = lease_clock()
    over = Q(lease_until__lt=clock) | Q(lease_until__gt=clock + LONGEST_BELIEVED_LEASE)
    with transaction.atomic():
        counts[State.QUEUED] += _update_unlocked(
            stream, over & Q(state=State.CLAIMED), state=State.QUEUED, lease="", lease_until=None
        )
        if stream.repeatable:
            counts[State.QUEUED] += _update_unlocked(
                stream,
                over & Q(state=State.SENDING),
                state=State.QUEUED,
                lease="",
                lease_until=None,
            )
        else:
            counts[State.UNCERTAIN] += _update_unlocked(
                stream,
                over & Q(state=State.SENDING),
                state=State.UNCERTAIN,
                lease_until=None,
                reason="The sender stopped while this message was leaving; it may have arrived.",
            )
        ahead = Q(next_attempt_at__gt=now() + LONGEST_BELIEVED_WAIT)
        _update_unlocked(stream, ahead & Q(state=State.QUEUED), next_attempt_at=now())
    return +counts


def _update_unlocked(stream: MailStream[RowT], found: Q, **change: Any) -> int:
    """Change the rows that nobody holds locked, and return their number."""
    rows = stream.rows.filter(found)
    unlocked = rows.select_for_update(of=("self",), skip_locked=True)
    ids = list(unlocked.order_by("pk").values_list("pk", flat=True)[:RELEASED_ROWS])
    return stream.rows.filter(found, pk__in=ids).update(**change) if ids else 0


def resend(stream: MailStream[RowT], ids: Iterable[int]) -> int:
    """Queue failed and uncertain rows again, by decision of the operator."""
    return stream.rows.filter(pk__in=list(ids), state__in=[State.FAILED, State.UNCERTAIN]).update(
        state=State.QUEUED,
        attempts=0,
        next_attempt_at=now(),
        expires_at=now() + RESENT_LIFETIME,
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
