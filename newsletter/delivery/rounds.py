"""Store the results of one round of messages together with the intent to send the next.

Both are one transaction, so that a whole round costs one wait for the disk and no message leaves
before its intent is durable. It is repeated while the database is away, and done row by row when
one row cannot be stored.
"""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, Generic, NamedTuple

from django.db import (
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    connection,
    transaction,
)
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.timezone import now

from newsletter.conf import sqlite
from newsletter.conf.log_format import about
from newsletter.delivery import alarms, moves, outbox, statements, streams
from newsletter.delivery.outbox import SMTP_ANSWER, Attempt, MailStream, RowT, State, move
from newsletter.delivery.statements import Key
from newsletter.mail.errors import SendResult, SendStatus
from newsletter.models import DeliveryEvent, Digest, Notice, Subscriber
from newsletter.security import email_addresses

log = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 8
# The last attempt before a row expires comes so long before that.
LAST_CHANCE: Final = timedelta(minutes=1)
# A database that is being restarted gets this long before results are given up.
DATABASE_RETRY_SECONDS: Final = 60.0
DATABASE_RETRY_PAUSE_SECONDS: Final = 0.5
CONNECTION_ERRORS: Final = (OperationalError, InterfaceError)
PLAINLY_SENT: Final = SendResult(SendStatus.SENT)


class Round(NamedTuple, Generic[RowT]):
    """What a round came to.

    Attributes:
        counts: How many rows reached each state.
        started: The attempts whose intent is stored: they may leave now.
        waiting: The attempts that stay claimed because an unproven stream has enough out.
    """

    counts: Counter[str]
    started: list[Attempt[RowT]]
    waiting: list[Attempt[RowT]]


def commit(
    stream: MailStream[RowT],
    results: Sequence[tuple[Attempt[RowT], SendResult]],
    attempts: Sequence[Attempt[RowT]] = (),
    *,
    proven: bool = True,
    patience: float = DATABASE_RETRY_SECONDS,
) -> Round[RowT]:
    """Store results and the intent to send ``attempts``, row by row if need be.

    Args:
        stream: The stream of all these rows.
        results: The messages that were answered.
        attempts: The messages to be sent next.
        proven: Whether the stream is known to be proven, so that its row need not be read.
        patience: How long to repeat while the database is away, in seconds.

    Raises:
        OperationalError: The database stayed away too long; the rows are then ``sending``, and
            become ``uncertain`` when their lease is over.
    """
    try:
        return _commit_with_retries(stream, results, attempts, proven, patience)
    except CONNECTION_ERRORS:
        raise
    except Exception as error:  # noqa: BLE001 - the row that is to blame is found below
        log.warning("Storing row by row, because together: %s", type(error).__name__)
    return _commit_singly(stream, results, attempts, proven, patience)


def _commit_singly(
    stream: MailStream[RowT],
    results: Sequence[tuple[Attempt[RowT], SendResult]],
    attempts: Sequence[Attempt[RowT]],
    proven: bool,
    patience: float,
) -> Round[RowT]:
    """Store each row by itself; log a result that cannot be stored, fail such an intent."""
    all_of: Round[RowT] = Round(Counter(), [], [])
    for attempt, result in results:
        try:
            done = _commit_with_retries(stream, [(attempt, result)], [], proven, patience)
        except CONNECTION_ERRORS:
            raise
        except Exception:
            log.exception(
                "%s %s: its result cannot be stored.",
                stream.name,
                attempt.row.pk,
                extra=about(attempt.row),
            )
        else:
            all_of.counts.update(done.counts)
    for attempt in attempts:
        try:
            done = _commit_with_retries(stream, [], [attempt], proven, patience)
        except (DataError, IntegrityError) as error:
            log.exception(
                "%s %s: its intent cannot be stored.",
                stream.name,
                attempt.row.pk,
                extra=about(attempt.row),
            )
            reason = f"It could not be stored: {type(error).__name__}."
            all_of.counts[move(stream, attempt.row, State.FAILED, reason=reason)] += 1
        else:
            all_of.counts.update(done.counts)
            all_of.started.extend(done.started)
            all_of.waiting.extend(done.waiting)
    return all_of


def _commit_with_retries(
    stream: MailStream[RowT],
    results: Sequence[tuple[Attempt[RowT], SendResult]],
    attempts: Sequence[Attempt[RowT]],
    proven: bool,
    patience: float,
) -> Round[RowT]:
    """Commit again and again while the database is being restarted."""
    deadline: float | None = None
    while True:
        try:
            return commit_once(stream, results, attempts, proven=proven)
        except CONNECTION_ERRORS as error:
            # The time that the first attempt took to fail is not counted.
            deadline = deadline or time.monotonic() + patience
            if time.monotonic() > deadline or connection.in_atomic_block:
                raise
            log.warning(
                "The database cannot be used, trying again: %s. %s", error, sqlite.complaint()
            )
            connection.close()
            time.sleep(DATABASE_RETRY_PAUSE_SECONDS)


def commit_once(
    stream: MailStream[RowT],
    results: Sequence[tuple[Attempt[RowT], SendResult]],
    attempts: Sequence[Attempt[RowT]],
    *,
    proven: bool = True,
) -> Round[RowT]:
    """Store results and intents in one transaction.

    Safe to repeat when the answer to the commit was lost.
    """
    sent = plainly_sent(results)
    if proven and sent is not None and statements.is_joined():
        return settle_plain(stream, sent, attempts, store_plain(stream, sent, attempts))
    counts: Counter[str] = Counter()
    with transaction.atomic():
        plain = [attempt.row for attempt, result in results if result == PLAINLY_SENT]
        if plain:
            [moved] = statements.update(stream.table, moves.sent_update(plain))
            counts += _count_sent(stream, plain, moved)
        for attempt, result in results:
            if result != PLAINLY_SENT:
                counts[_store_result(stream, attempt.row, result)] += 1
        most = len(attempts) if proven else _allowance(stream)
        going, waiting = list(attempts[:most]), list(attempts[most:])
        granted: set[Key] = set()
        if going:
            [granted] = statements.update(stream.table, moves.intent_update(stream, going))
            granted = _all_granted(stream, going, granted)
    return _begun(stream, counts, going, granted, waiting)


def plainly_sent(results: Sequence[tuple[Attempt[RowT], SendResult]]) -> list[RowT] | None:
    """Return the rows of a round in which every message was accepted; None for another round."""
    plain = [attempt.row for attempt, result in results if result == PLAINLY_SENT]
    return plain if len(plain) == len(results) else None


def store_plain(
    stream: MailStream[RowT],
    sent: list[RowT],
    attempts: Sequence[Attempt[RowT]],
    using: BaseDatabaseWrapper | None = None,
) -> list[set[Key]]:
    """Store such a round in one statement of PostgreSQL; return what ``settle_plain`` needs."""
    changes = moves.sent_update(sent), moves.intent_update(stream, attempts)
    return statements.update(stream.table, *changes, using=using)


def settle_plain(
    stream: MailStream[RowT],
    sent: list[RowT],
    attempts: Sequence[Attempt[RowT]],
    changed: list[set[Key]],
) -> Round[RowT]:
    """Return what such a round came to, once it is stored."""
    moved, granted = changed
    counts = _count_sent(stream, sent, moved)
    return _begun(stream, counts, attempts, _all_granted(stream, attempts, granted), [])


def _begun(
    stream: MailStream[RowT],
    counts: Counter[str],
    going: Sequence[Attempt[RowT]],
    granted: set[Key],
    waiting: list[Attempt[RowT]],
) -> Round[RowT]:
    """Return what a round came to; requeue or cancel the rows whose intent was refused."""
    for attempt in going:
        if attempt.key in granted:
            attempt.row.attempts += 1
        else:
            counts[_release_refused(stream, attempt.row)] += 1
    return Round(counts, [attempt for attempt in going if attempt.key in granted], waiting)


def _allowance(stream: MailStream[RowT]) -> int:
    """Return how many messages may leave now; locks the stream until the intents are stored."""
    row = streams.locked(stream.name)
    if streams.is_proven(row):
        return sys.maxsize
    out = stream.rows.filter(state=State.SENDING).count()
    answers = row.recent_answers
    spent = len(answers) - len(answers.rstrip(streams.REFUSED + streams.DOUBTFUL))
    return max(streams.UNPROVEN_MESSAGES - out - spent, 0 if out else 1)


def _count_sent(stream: MailStream[RowT], rows: list[RowT], moved: set[Key]) -> Counter[str]:
    """Count the states of rows that were to be marked as sent."""
    if not rows:
        return Counter()
    if len(moved) == len(rows):
        return Counter({State.SENT: len(moved)})
    return _settle_unmoved(stream, rows, moved)


def _settle_unmoved(stream: MailStream[RowT], rows: list[RowT], moved: set[Key]) -> Counter[str]:
    """Count the states of rows that were not all moved; alarm when another sender has one."""
    found = {
        key: (lease, state)
        for key, lease, state in stream.rows.filter(pk__in=[row.pk for row in rows]).values_list(
            "pk", "lease", "state"
        )
    }
    # A provider's event, the operator or the end of a lease leave no lease behind.
    taken = [
        row.pk
        for row in rows
        if (row.pk, row.lease) not in moved
        and found.get(row.pk, ("", ""))[0] not in {"", row.lease}
        and found[row.pk][1] in {State.CLAIMED, State.SENDING, State.SENT}
    ]
    if taken and not stream.repeatable:
        alarms.accepted_without_row(stream.name, taken)
    return Counter(state for _, state in found.values())


def _all_granted(
    stream: MailStream[RowT], attempts: Sequence[Attempt[RowT]], granted: set[Key]
) -> set[Key]:
    """Return the intents that are stored, with those that an earlier try had stored already."""
    if len(granted) == len(attempts):
        return granted
    ids = [attempt.row.pk for attempt in attempts]
    mine = stream.rows.filter(pk__in=ids, state=State.SENDING)
    return set(mine.values_list("pk", "lease"))


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
                store_event(row, result, "bounced")
            return reached
        case SendStatus.UNCERTAIN if not stream.repeatable:
            return move(stream, row, State.UNCERTAIN, reason=result.reason)
    return _retry(stream, row, result)


def _retry(stream: MailStream[RowT], row: RowT, result: SendResult) -> str:
    """Queue a row for another attempt, or fail it when there is no time, or no attempt, left.

    A refusal for now ends with the row's time, anything else after MAX_ATTEMPTS.
    """
    delay = outbox.retry_delay(row.attempts, policy=result.about_sender)
    wait = max(delay, timedelta(seconds=result.hold_seconds))
    again = now() if result.retry_now else now() + wait
    over = False
    if row.expires_at and again > row.expires_at:
        again = row.expires_at - LAST_CHANCE
        over = again <= now()
    if not (result.temporary and row.expires_at):
        over = over or row.attempts >= MAX_ATTEMPTS
    if not over:
        return move(stream, row, State.QUEUED, reason=result.reason, next_attempt_at=again)
    reason = f"Given up after {row.attempts} attempts. {result.reason}"
    reached = move(stream, row, State.FAILED, reason=reason)
    if reached == State.FAILED and result.temporary and result.reject_reason == "other":
        store_event(row, result, "bounced")
    return reached


def store_event(row: Digest | Notice, result: SendResult, kind: str) -> None:
    """Store the direct answer of a mail server as a delivery event, once for each attempt."""
    DeliveryEvent.objects.bulk_create(
        [
            DeliveryEvent(
                provider=SMTP_ANSWER,
                event_key=f"{row.public_id.hex}-{row.attempts}",
                type=kind,
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
