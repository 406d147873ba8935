"""Send the queued messages of a stream: claim, render, send, store the results.

The rows are the queue (:mod:`newsletter.delivery.outbox`), the pool holds the connections
(:mod:`newsletter.delivery.connections`), and this module is the loop between them: store the
results of one round together with the intent to send the next, start those messages, and render
some more while they are sent. The intent is durable before the first network byte, and a message
whose fate cannot be known is ``uncertain``.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Final, Generic

from django.conf import settings
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, connection
from django.db.models import Count, Max, QuerySet
from django.utils.timezone import now

from newsletter.conf import sqlite
from newsletter.delivery import outbox, streams
from newsletter.delivery.connections import ConnectionPool, connection_pool
from newsletter.delivery.outbox import Attempt, Claim, MailStream, RowT, State
from newsletter.delivery.send_rate import RateLimiter
from newsletter.mail.errors import SendResult, SendStatus
from newsletter.mail.messages import IncompleteMessageError, IncompleteSettingsError

log = logging.getLogger(__name__)

StopCondition = Callable[[], bool]
Progress = Callable[[Counter[str]], None]
# A database that is being restarted gets this long before results are given up.
DATABASE_RETRY_SECONDS: Final = 60.0
DATABASE_RETRY_PAUSE_SECONDS: Final = 0.5
UNREACHABLE_HOLD_SECONDS: Final = 15.0
LONGEST_SLEEP_SECONDS: Final = 1.0
# So many refusals one after another are no coincidence.
CONSECUTIVE_REFUSALS: Final = 5
CONNECTION_ERRORS: Final = (OperationalError, InterfaceError)


def deliver(
    stream: MailStream[RowT],
    *,
    wanted: QuerySet[RowT] | None = None,
    until: StopCondition = lambda: False,
    patient: bool = True,
    progress: Progress = lambda _counts: None,
) -> Counter[str]:
    """Send the queued messages of a stream and count the states that their rows reached.

    A row that went back to the queue counts as ``queued``. Nothing is done while other runs of this
    process use all the connections that this stream may have.

    Args:
        stream: The stream to send.
        wanted: Restricts the run to these rows.
        until: Asked between messages whether to stop early.
        patient: Whether a hold of the stream is respected; a pause always is.
        progress: Called with the counts as they grow.
    """
    pool: ConnectionPool[Attempt[RowT]]
    with connection_pool(stream.name) as pool:
        run = Run(stream, stream.rows if wanted is None else wanted, pool, until, progress)
        run.send(patient=patient)
    return run.counts


class Run(Generic[RowT]):
    """One sender's pass over a stream; ``counts`` are the states that rows reached."""

    def __init__(
        self,
        stream: MailStream[RowT],
        wanted: QuerySet[RowT],
        pool: ConnectionPool[Attempt[RowT]],
        until: StopCondition,
        progress: Progress,
    ) -> None:
        self.stream = stream
        self.wanted = wanted
        self.render = stream.renderer()
        self.pool = pool
        self.until = until
        self.progress = progress
        self.rate = RateLimiter(pool.limits.rate)
        self.window = RateLimiter(self._window_rate(), f"window of {stream.name}")
        self.counts: Counter[str] = Counter()
        self.claims: list[Claim[RowT]] = []
        self.halted = False
        self.again = True
        self.reason = ""
        # Rows that were refused one after another, and the reason once they are too many.
        self.refused: list[RowT] = []
        self.common_refusal = ""

    def _window_rate(self) -> float:
        """Return the messages a second that empty the queue by the end of MAIL_WINDOW."""
        if not (self.stream.spread and settings.MAIL_WINDOW):
            return 0
        found = outbox.ready(self.wanted).aggregate(count=Count("pk"), newest=Max("created_at"))
        if not found["count"]:
            return 0
        end = found["newest"] + timedelta(minutes=settings.MAIL_WINDOW)
        left = (end - now()).total_seconds()
        return float(found["count"] / left) if left > 0 else 0

    @property
    def stopping(self) -> bool:
        """Return whether no further message may be started."""
        return self.halted or self.until()

    def send(self, *, patient: bool) -> None:
        """Try every queued row once."""
        results: list[tuple[Attempt[RowT], SendResult]] = []
        try:
            while self.again and not self.stopping:
                self.again = False
                self._rounds(self._attempts(patient=patient), results)
        except Exception:
            # Whatever happened here, the results of messages in flight are stored first.
            while results or self.pool.in_flight:
                results += self.pool.collect()
                self.counts += commit_round(self.stream, results, [])[0]
                results.clear()
            raise
        for limiter in (self.window, self.rate):
            limiter.give_back()
        if self.stopping:
            for claimed in self.claims:
                self.counts[State.QUEUED] += outbox.release(claimed, self.reason)

    def _rounds(
        self,
        attempts: Iterator[Attempt[RowT]],
        results: list[tuple[Attempt[RowT], SendResult]],
    ) -> None:
        ahead: list[Attempt[RowT]] = []
        while True:
            stopping = self.stopping
            if not ahead and not stopping:
                self._render_ahead(attempts, ahead)
            starting = [] if stopping else self._take_startable(ahead)
            if results or starting:
                counted, granted = commit_round(self.stream, results, starting)
                self.counts += counted
                results.clear()
                self.pool.start(granted)
                self.progress(self.counts)
            elif not self.pool.in_flight and (stopping or not ahead):
                return
            if not stopping:
                self._render_ahead(attempts, ahead)
            results += self._collect(waiting=bool(ahead) and not stopping)
            self._inspect(results)
            for claimed in self.claims:
                claimed.renew()

    def _render_ahead(self, attempts: Iterator[Attempt[RowT]], ahead: list[Attempt[RowT]]) -> None:
        """Render for the next round while the messages of this one are sent."""
        for attempt in islice(attempts, max(0, self.pool.width - len(ahead))):
            ahead.append(attempt)
            self.pool.pump()

    def _collect(self, *, waiting: bool) -> list[tuple[Attempt[RowT], SendResult]]:
        """Return new results; while messages wait for a slot, no later than that slot."""
        seconds = self._seconds_to_next_slot() if waiting and self.pool.room else None
        if seconds is not None and not self.pool.in_flight:
            time.sleep(min(seconds, LONGEST_SLEEP_SECONDS))
        return self.pool.collect(seconds)

    def _seconds_to_next_slot(self) -> float | None:
        """Return the seconds until another message may leave; None when no rate limits it."""
        waits = [wait for one in (self.window, self.rate) if (wait := one.wait()) is not None]
        return max(waits, default=None)

    def _attempts(self, *, patient: bool) -> Iterator[Attempt[RowT]]:
        """Claim rows and yield their messages for as long as more are asked for."""
        while not self.stopping and not streams.is_stopped(self.stream.name, patient=patient):
            claimed = outbox.claim(self.stream, self.wanted)
            if not claimed.rows:
                return
            # Some messages of the claim before may still be waiting for a connection.
            del self.claims[:-1]
            self.claims.append(claimed)
            yield from self._messages(claimed)

    def _messages(self, claimed: Claim[RowT]) -> Iterator[Attempt[RowT]]:
        """Yield the rows of a claim with their messages; fail those that cannot be rendered."""
        unhandled = {row.pk for row in claimed.rows}
        for row, message in self.render(claimed.rows):
            unhandled.discard(row.pk)
            if isinstance(message, IncompleteSettingsError):
                self._stop(str(message))
                return
            if isinstance(message, Exception):
                log.error("%s %s cannot be written: %s", self.stream.name, row.pk, message)
                self._fail(row, f"It could not be written: {message}")
                if not isinstance(message, IncompleteMessageError):
                    self._count_refusal(row, f"It could not be written: {message}")
                if self.halted:
                    return
            elif row.expires_at and row.expires_at < now():
                self._fail(row, "It could not be sent before it was too late.")
            else:
                yield Attempt(row, message)
        if unhandled:  # The renderer moved them itself.
            settled = self.stream.rows.filter(pk__in=unhandled).values_list("state", flat=True)
            self.counts.update(settled)

    def _fail(self, row: RowT, reason: str) -> None:
        self.counts[outbox.move(self.stream, row, State.FAILED, reason=reason)] += 1

    def _take_startable(self, ahead: list[Attempt[RowT]]) -> list[Attempt[RowT]]:
        """Remove from ``ahead`` and return the messages for which there is a connection.

        When no server answers, these rows are not to blame: the stream is held, no attempt counts.
        """
        room = self.rate.take(self.window.take(min(len(ahead), self.pool.room)))
        if not room:
            return []
        trouble = self.pool.prepare(room)
        if trouble is not None:
            if trouble.stop:
                self._stop(trouble.reason)
            else:
                self.halted, self.reason = True, trouble.reason
                streams.hold(self.stream.name, UNREACHABLE_HOLD_SECONDS, trouble.reason)
            return []
        room = min(room, len(self.pool.idle))
        starting, ahead[:] = ahead[:room], ahead[room:]
        return starting

    def _stop(self, reason: str) -> None:
        """Pause the stream: no message would be accepted before the operator acts."""
        self.halted, self.reason = True, reason
        streams.pause(self.stream.name, reason)

    def _count_refusal(self, row: RowT, reason: str) -> None:
        """Stop after CONSECUTIVE_REFUSALS without an accepted message, and keep their rows."""
        self.refused.append(row)
        if len(self.refused) < CONSECUTIVE_REFUSALS or self.common_refusal:
            return
        self.common_refusal = f"{CONSECUTIVE_REFUSALS} mails in a row were refused. {reason}"
        self._stop(self.common_refusal)
        spared = outbox.requeue_failed(self.stream, self.refused, reason)
        self.counts += Counter({State.QUEUED: spared})
        self.counts -= Counter({State.FAILED: spared})

    def _inspect(self, results: list[tuple[Attempt[RowT], SendResult]]) -> None:
        """Decide from the results, before they are stored, how the run goes on."""
        for attempt, result in results:
            if result.status == SendStatus.SENT:
                self.refused.clear()
            elif result.may_meet_all:
                self._count_refusal(attempt.row, result.reason)
        if self.common_refusal:
            results[:] = [
                (
                    attempt,
                    replace(result, status=SendStatus.RETRY) if result.may_meet_all else result,
                )
                for attempt, result in results
            ]
        if any(result.stop or result.hold_seconds for _, result in results):
            self.halted = True
        if any(result.retry_now for _, result in results):
            self.again = True
        if results and all(result.status == SendStatus.SENT for _, result in results):
            self.pool.widen()


def commit_round(
    stream: MailStream[RowT],
    results: list[tuple[Attempt[RowT], SendResult]],
    attempts: list[Attempt[RowT]],
) -> tuple[Counter[str], list[Attempt[RowT]]]:
    """Call ``outbox.commit_round``, row by row when the rows cannot be stored together.

    Raises:
        OperationalError: The database stayed away too long; the rows are then ``sending``, and
            become ``uncertain`` when their lease is over.
    """
    try:
        return _commit_with_retries(stream, results, attempts)
    except CONNECTION_ERRORS:
        raise
    except Exception as error:  # noqa: BLE001 - the row that is to blame is found below
        log.warning("Storing row by row, because together: %s", type(error).__name__)
    return _commit_singly(stream, results, attempts)


def _commit_singly(
    stream: MailStream[RowT],
    results: list[tuple[Attempt[RowT], SendResult]],
    attempts: list[Attempt[RowT]],
) -> tuple[Counter[str], list[Attempt[RowT]]]:
    """Store each row by itself; log a result that cannot be stored, fail such an intent."""
    counts: Counter[str] = Counter()
    for attempt, result in results:
        try:
            counts += _commit_with_retries(stream, [(attempt, result)], [])[0]
        except CONNECTION_ERRORS:
            raise
        except Exception:
            log.exception("%s %s: its result cannot be stored.", stream.name, attempt.row.pk)
    granted: list[Attempt[RowT]] = []
    for attempt in attempts:
        try:
            counted, started = _commit_with_retries(stream, [], [attempt])
        except (DataError, IntegrityError) as error:
            log.exception("%s %s: its intent cannot be stored.", stream.name, attempt.row.pk)
            reason = f"It could not be stored: {type(error).__name__}."
            counts[outbox.move(stream, attempt.row, State.FAILED, reason=reason)] += 1
        else:
            counts += counted
            granted += started
    return counts, granted


def _commit_with_retries(
    stream: MailStream[RowT],
    results: list[tuple[Attempt[RowT], SendResult]],
    attempts: list[Attempt[RowT]],
) -> tuple[Counter[str], list[Attempt[RowT]]]:
    """Call ``outbox.commit_round`` again and again while the database is being restarted."""
    deadline = time.monotonic() + DATABASE_RETRY_SECONDS
    while True:
        try:
            return outbox.commit_round(stream, results, attempts)
        except CONNECTION_ERRORS as error:
            if time.monotonic() > deadline or connection.in_atomic_block:
                raise
            log.warning(
                "The database cannot be used, trying again: %s. %s", error, sqlite.complaint()
            )
            connection.close()
            time.sleep(DATABASE_RETRY_PAUSE_SECONDS)
