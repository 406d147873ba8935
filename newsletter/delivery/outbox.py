"""The rows of outbound mail: claimed under a lease, moved by compare-and-set, never by guess.

Every move is one conditional UPDATE guarded by the lease and by the legal moves of the state
machine (DESIGN section 4). ``record`` is the heart: in one transaction it writes down what came
of the last messages and the intent to send the next ones, so that the disk is asked to wait once
for a whole round and yet no message leaves before its intent is durable.
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
from typing import Any, Final, NamedTuple

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
CHUNK: Final = 128
# A living sender renews its claims long before they run out; a dead one's are free soon.
CLAIM_LEASE: Final = timedelta(seconds=10)
RENEW_SECONDS: Final = 3.0
SENDING_LEASE: Final = timedelta(minutes=2)
MAX_ATTEMPTS: Final = 8
# Among so many places do those choose who met at the same rows.
RIVALS: Final = 8
FIRST_DELAY: Final = timedelta(seconds=30)
LONGEST_DELAY: Final = timedelta(hours=1)

# The provider of an event that is our own note of a server's refusal: it had never been sent.
REFUSAL: Final = "smtp"
# What this module and its callers read of a row.
OWN: Final = (
    *("public_id", "state", "lease", "attempts", "expires_at"),
    *("subscriber", "subscriber__email"),
)

PAUSED: Final = "SELECT 1 FROM newsletter_stream WHERE name = %s AND paused_at IS NOT NULL"
Key = tuple[int, str]
"""The id of a row and the lease under which it is held."""
Renderer = Callable[[list[Any]], Iterator[tuple[Any, AnymailMessage | Exception]]]


@dataclass(frozen=True)
class Lane:
    """One kind of outbound mail: its table, its stream, and how its rows become messages.

    ``renderer`` makes, for one run, what takes claimed rows and yields (row, message), or (row,
    exception) for a row that cannot be rendered; a row that it leaves out was settled by it
    (``cancel``). It reads the columns ``needs`` of a row, or all when there are none named, and
    sets the columns ``frozen``, which are stored with the intent to send. A lane with ``spread``
    keeps to MAIL_WINDOW.
    """

    model: type[Digest] | type[Notice]
    stream: str
    renderer: Callable[[], Renderer]
    receivers: Q
    repeatable: bool
    needs: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    spread: bool = False

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    @property
    def rows(self) -> QuerySet[Any]:
        return self.model._default_manager.all()


@dataclass(frozen=True)
class Draft:
    """A claimed row and its message, ready to leave."""

    row: Any
    message: AnymailMessage

    @property
    def message_id(self) -> str:
        return str(self.message.extra_headers.get("Message-ID", ""))

    @property
    def key(self) -> Key:
        return self.row.pk, self.row.lease


class Phrase(NamedTuple):
    """A part of a statement and what stands in its places."""

    sql: str
    values: list[Any]


@dataclass
class Claim:
    """Rows of one lane under one lease."""

    lane: Lane
    lease: str
    rows: list[Any]
    renewed: float = field(default_factory=time.monotonic)

    def renew(self) -> None:
        """Keep what is still waiting for its turn, if the lease is no longer fresh."""
        if time.monotonic() - self.renewed < RENEW_SECONDS:
            return
        self.renewed = time.monotonic()
        self.lane.rows.filter(lease=self.lease, state=State.CLAIMED).update(
            lease_until=now() + CLAIM_LEASE
        )


def claim(lane: Lane, wanted: QuerySet[Any], limit: int = CHUNK) -> Claim:
    """Take up to ``limit`` queued rows under a fresh lease; two claimers never share one.

    Nothing is taken only when nothing waits: whoever finds that a rival was quicker begins
    elsewhere, and each time that this happens the rival has got on.
    """
    waiting = ready(wanted).order_by("next_attempt_at", "pk").values_list("pk", flat=True)
    taken = Claim(lane, Outbound.new_lease(), [])
    start = 0
    while (ids := list(waiting[start : start + limit])) or start:
        if ids and lane.rows.filter(pk__in=ids, state=State.QUEUED).update(
            state=State.CLAIMED, lease=taken.lease, lease_until=now() + CLAIM_LEASE
        ):
            mine = lane.rows.filter(pk__in=ids, lease=taken.lease)
            mine = mine.select_related("subscriber").order_by("pk")
            taken.rows = list(mine.only(*OWN, *lane.needs) if lane.needs else mine)
            break
        start = 0 if start else limit * random.randrange(RIVALS)  # noqa: S311 - no secret
    return taken


def ready(wanted: QuerySet[Any]) -> QuerySet[Any]:
    """The queued rows whose time has come."""
    return wanted.filter(state=State.QUEUED, next_attempt_at__lte=now())


def record(
    lane: Lane, results: list[tuple[Draft, SendResult]], drafts: list[Draft]
) -> tuple[Counter[str], list[Draft]]:
    """Write down what came of messages, and commit the intent to send the next.

    Returns the states that rows reached, and the drafts that may leave now. Safe to repeat when
    the answer to the commit was lost.
    """
    counts: Counter[str] = Counter()
    with transaction.atomic():
        plain = [draft.row for draft, outcome in results if outcome == SendResult(SendStatus.SENT)]
        counts += _note_sent(lane, plain)
        for draft, outcome in results:
            if outcome != SendResult(SendStatus.SENT):
                counts[_settle(lane, draft.row, outcome)] += 1
        granted = _intend(lane, drafts)
    for draft in drafts:
        if draft.key not in granted:
            counts[_explain_refusal(lane, draft.row)] += 1
    return counts, [draft for draft in drafts if draft.key in granted]


def _note_sent(lane: Lane, rows: list[Any]) -> Counter[str]:
    """The common case of a whole round in one go, in SQL that is the same each time."""
    if not rows:
        return Counter()
    moved = _update(
        lane,
        {"id": [row.pk for row in rows], "lease": [row.lease for row in rows]},
        Phrase(
            "state = %s, sent_at = %s, lease_until = NULL, reason = ''",
            [State.SENT, _stored(now())],
        ),
        Phrase("state IN (%s, %s)", [State.SENDING, State.UNCERTAIN]),
    )
    if len(moved) == len(rows):
        return Counter({State.SENT: len(moved)})
    ids = [row.pk for row in rows]
    return Counter(lane.rows.filter(pk__in=ids).values_list("state", flat=True))


def _intend(lane: Lane, drafts: list[Draft]) -> set[Key]:
    """Commit the intent to send, unless the person, the stream or the lease says no.

    One statement for all, so that nothing can change between question and answer (RULES A10).
    """
    if not drafts:
        return set()
    moment = now()
    may_get, wishes = _receivers(lane)
    told = {name: [getattr(draft.row, name) for draft in drafts] for name in lane.frozen}
    told["message_id"] = [draft.message_id for draft in drafts]
    taken = ", ".join(f"{name} = given.{name}" for name in told)
    granted = _update(
        lane,
        {
            "id": [draft.row.pk for draft in drafts],
            "lease": [draft.row.lease for draft in drafts],
            **told,
        },
        Phrase(
            f"state = %s, sending_at = %s, lease_until = %s, attempts = attempts + 1, {taken}",
            [State.SENDING, _stored(moment), _stored(moment + SENDING_LEASE)],
        ),
        Phrase(
            f"state = %s AND NOT EXISTS ({PAUSED}) AND EXISTS ({may_get})",
            [State.CLAIMED, lane.stream, *wishes],
        ),
    )
    if len(granted) != len(drafts):  # Some were refused, or had been granted before.
        mine = lane.rows.filter(pk__in=[draft.row.pk for draft in drafts], state=State.SENDING)
        granted = set(mine.values_list("pk", "lease"))
    for draft in drafts:
        draft.row.attempts += draft.key in granted
    return granted


@cache
def _receivers(lane: Lane) -> tuple[str, tuple[Any, ...]]:
    """Whether the person of a row may get this lane's mail, as a subquery and its values."""
    allowed = Subscriber.objects.filter(lane.receivers).order_by().values("pk")
    sql, values = allowed.query.sql_with_params()
    return f"{sql} AND newsletter_subscriber.id = {lane.table}.subscriber_id", values


def _update(
    lane: Lane, given: Mapping[str, Sequence[Any]], change: Phrase, condition: Phrase
) -> set[Key]:
    """Change many rows in one statement, each by its own values; which ones it were.

    ``given`` holds for each column the values of all rows; a row is found by ``id`` and ``lease``.
    """
    line = "(" + ", ".join(["%s"] * len(given)) + ")"
    values = list(zip(*given.values(), strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH given ({', '.join(given)}) AS (VALUES {', '.join([line] * len(values))}) "  # noqa: S608
            f"UPDATE {lane.table} SET {change.sql} FROM given "
            f"WHERE {lane.table}.id = given.id AND {lane.table}.lease = given.lease "
            f"AND {condition.sql} RETURNING {lane.table}.id, {lane.table}.lease",
            [*chain.from_iterable(values), *change.values, *condition.values],
        )
        return set(cursor.fetchall())


def _stored(moment: datetime) -> Any:
    """A time as this database keeps it."""
    return connection.ops.adapt_datetimefield_value(moment)


def _explain_refusal(lane: Lane, row: Any) -> str:
    """Why the intent was refused decides where the row goes."""
    if not Subscriber.objects.filter(lane.receivers, pk=row.subscriber_id).exists():
        return move(lane, row, State.CANCELLED, reason="The subscriber no longer gets this mail.")
    return move(lane, row, State.QUEUED, reason="Sending is paused.")


def _settle(lane: Lane, row: Any, outcome: SendResult) -> str:
    """Record what an attempt came to when that needs more than a word."""
    if outcome.stop:
        streams.pause(lane.stream, outcome.reason)
    if outcome.hold_seconds:
        streams.hold(lane.stream, outcome.hold_seconds, outcome.reason)
    match outcome.status:
        case SendStatus.SENT:
            return move(lane, row, State.SENT, sent_at=now(), provider_id=outcome.provider_id[:200])
        case SendStatus.FINAL:
            reached = move(lane, row, State.FAILED, reason=outcome.reason)
            if reached == State.FAILED and outcome.reject_reason:
                _note_bounce(row, outcome)
            return reached
        case SendStatus.UNCERTAIN if not lane.repeatable:
            return move(lane, row, State.UNCERTAIN, reason=outcome.reason)
    if row.attempts >= MAX_ATTEMPTS:
        reason = f"Given up after {row.attempts} attempts. {outcome.reason}"
        return move(lane, row, State.FAILED, reason=reason)
    wait = max(backoff(row.attempts), timedelta(seconds=outcome.hold_seconds))
    again = now() if outcome.retry_now else now() + wait
    return move(lane, row, State.QUEUED, reason=outcome.reason, next_attempt_at=again)


def _note_bounce(row: Any, outcome: SendResult) -> None:
    """A mail server that refuses the recipient at once tells what a provider's event would."""
    DeliveryEvent.objects.bulk_create(
        [
            DeliveryEvent(
                provider=REFUSAL,
                event_key=f"{row.public_id.hex}-{row.attempts}",
                type="bounced",
                recipient=row.subscriber.email,
                email_key=email_addresses.key_of(row.subscriber.email),
                digest=row if isinstance(row, Digest) else None,
                reject_reason=outcome.reject_reason,
                description=outcome.reason,
                occurred_at=now(),
            )
        ],
        ignore_conflicts=True,
    )


def move(lane: Lane, row: Any, to: str, **fields: Any) -> str:
    """Compare-and-set under the row's lease, along the legal moves only; returns the state."""
    fields["reason"] = fields.get("reason", "")[:500]
    mine = lane.rows.filter(pk=row.pk, lease=row.lease, state__in=_origins(to))
    if mine.update(state=to, lease_until=None, **fields):
        return to
    return str(lane.rows.filter(pk=row.pk).values_list("state", flat=True).first() or "gone")


def _origins(to: str) -> list[str]:
    return [state for state, targets in Outbound.MOVES.items() if to in targets]


def cancel(lane: Lane, row: Any, reason: str) -> None:
    """For a renderer: this claimed row is not to be sent after all."""
    move(lane, row, State.CANCELLED, reason=reason)


def release(claim: Claim, reason: str = "") -> int:
    """Give what is still claimed back to the queue; returns how many rows that were."""
    mine = claim.lane.rows.filter(lease=claim.lease, state=State.CLAIMED)
    return mine.update(state=State.QUEUED, lease="", lease_until=None, reason=reason[:500])


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


def take_back(lane: Lane, rows: list[Any], reason: str) -> int:
    """Queue again what failed under these leases: the fault turned out not to be theirs."""
    failed = Q()
    for row in rows:
        failed |= Q(pk=row.pk, lease=row.lease)
    mine = lane.rows.filter(failed, state=State.FAILED)
    return mine.update(state=State.QUEUED, lease="", reason=reason[:500]) if rows else 0


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


def balance(digests: QuerySet[Digest]) -> Counter[str]:
    """How many digests stand in each state; the sum is what was due."""
    counts: Counter[str] = Counter(dict.fromkeys(State.values, 0))
    grouped = digests.order_by().values_list("state").annotate(Count("pk"))
    counts.update(dict(grouped))
    return counts
