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
from django.db.models import Count, Max, QuerySet
from django.utils.timezone import now

from newsletter import host_clock
from newsletter.conf.log_format import about
from newsletter.delivery import late_results, outbox, refusals, startup_objects, streams
from newsletter.delivery.connections import ConnectionPool, connection_pool
from newsletter.delivery.outbox import (
    SENDING_RENEWAL_SECONDS,
    Attempt,
    Claim,
    MailStream,
    RowT,
    State,
)
from newsletter.delivery.round_writer import RoundWriter
from newsletter.delivery.send_rate import RateLimiter
from newsletter.delivery.sender_address import sender_error
from newsletter.mail.errors import SendResult, SendStatus
from newsletter.mail.messages import IncompleteMessageError, IncompleteSettingsError
from newsletter.models import Digest

log = logging.getLogger(__name__)

StopCondition = Callable[[], bool]
Progress = Callable[[Counter[str]], None]
# So many rounds are rendered at most while the database writes one.
ROUNDS_AHEAD: Final = 2
UNREACHABLE_HOLD_SECONDS: Final = 15.0
LONGEST_SLEEP_SECONDS: Final = 1.0
# A run that waits for nothing but silent messages for so long leaves them to themselves.
SILENCE_SECONDS: Final = 2.0
# So many refusals of one domain count, unless many readers are there.
MOST_OF_ONE_DOMAIN: Final = 4
# How long a worker waits while others have as many messages out as an unproven stream may.
UNPROVEN_PAUSE_SECONDS: Final = 0.2


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
    startup_objects.freeze()
    run = Run(stream, stream.rows if wanted is None else wanted, until, progress)
    run.send(patient=patient)
    return run.counts


class Run(Generic[RowT]):
    """One sender's pass over a stream; ``counts`` are the states that rows reached."""

    def __init__(
        self,
        stream: MailStream[RowT],
        wanted: QuerySet[RowT],
        until: StopCondition,
        progress: Progress,
    ) -> None:
        self.stream = stream
        self.wanted = wanted
        self.render = stream.renderer()
        self.pool: ConnectionPool[Attempt[RowT]] = connection_pool(stream.name).__enter__()
        self.until = until
        self.progress = progress
        self.rate = RateLimiter(self.pool.limits.rate)
        self.writer = RoundWriter(stream)
        self.window = RateLimiter(self._window_rate(), f"window of {stream.name}")
        self.counts: Counter[str] = Counter()
        self.claims: list[Claim[RowT]] = []
        self.halted = False
        self.again = True
        self.reason = ""
        self.answered = self.renewed = time.monotonic()
        # Whether a message was accepted lately, so that more than a few may be out.
        self.proven = False
        # How messages were answered since that was stored, and what the last refusal said.
        self.answers = ""
        self.refusal = ""
        # Rows that failed for a reason that may not be theirs.
        self.failed: list[RowT] = []
        self.refused_by: Counter[str] = Counter()
        self.stream_stopped = False

    def _window_rate(self) -> float:
        """Return the messages a second that empty the queue by the end of MAIL_WINDOW."""
        if not (self.stream.spread and settings.MAIL_WINDOW):
            return 0
        found = outbox.ready(self.wanted).aggregate(count=Count("pk"), newest=Max("created_at"))
        if not found["count"]:
            return 0
        # A row that a wrong clock dated ahead does not stretch the window.
        end = min(found["newest"], now()) + timedelta(minutes=settings.MAIL_WINDOW)
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
            self._store_answers()
        finally:
            self.writer.close()
            # Results that are known, and messages that are out, are not lost whatever happened.
            if results or self.pool.in_flight:
                late_results.collect_later(self.stream, self.pool, results)
            else:
                self.pool.close()
        for limiter in (self.window, self.rate):
            limiter.give_back()
        for claimed in self.claims:
            if self.stopping or not self.pool.width:
                self.counts[State.QUEUED] += outbox.release(claimed, self.reason)

    def _rounds(
        self,
        attempts: Iterator[Attempt[RowT]],
        results: list[tuple[Attempt[RowT], SendResult]],
    ) -> None:
        ahead: list[Attempt[RowT]] = []
        while self.pool.width:
            stopping = self.stopping
            if not ahead and not stopping:
                self._render_ahead(attempts, ahead)
            starting = [] if stopping else self._take_startable(ahead)
            if results or starting:
                self._store(results, starting, iter(()) if stopping else attempts, ahead)
            elif not self.pool.in_flight and (stopping or not ahead):
                return
            if self._is_silent(finished=stopping or not ahead):
                if stopping or not ahead:
                    return
                self._replace_pool()
            if not stopping:
                self._render_ahead(attempts, ahead)
            results += self._collect(waiting=bool(ahead) and not stopping)
            self._inspect(results)
            self._renew()

    def _store(
        self,
        results: list[tuple[Attempt[RowT], SendResult]],
        starting: list[Attempt[RowT]],
        attempts: Iterator[Attempt[RowT]],
        ahead: list[Attempt[RowT]],
    ) -> None:
        """Store a round and start its messages; render some more while the database writes."""
        errors: list[BaseException] = []

        def render_one() -> bool:
            if errors or len(ahead) >= ROUNDS_AHEAD * self.pool.width:
                return False
            try:
                ahead.extend(islice(attempts, 1))
                self.pool.pump()
            except BaseException as error:  # noqa: BLE001 - raised below, once the round is out
                errors.append(error)
            return True

        done = self.writer.commit(results, starting, proven=self.proven, work=render_one)
        self.counts += done.counts
        results.clear()
        if done.started:  # Connecting may have taken seconds, which are no silence.
            self.answered = time.monotonic()
        self.pool.start(done.started)
        self.rate.note_departures(len(done.started))
        ahead[:0] = done.waiting
        if errors:
            raise errors[0]
        if done.waiting and not self.pool.in_flight:
            time.sleep(UNPROVEN_PAUSE_SECONDS)
        self.progress(self.counts)

    def _is_silent(self, *, finished: bool) -> bool:
        """Return whether the run waits for nothing but messages that are not answered."""
        silent = time.monotonic() - self.answered > SILENCE_SECONDS
        return silent and self.pool.in_flight > 0 and (finished or not self.pool.room)

    def _replace_pool(self) -> None:
        """Go on with other connections, and leave those to themselves that are not answered."""
        late_results.collect_later(self.stream, self.pool, [])
        self.pool = connection_pool(self.stream.name).__enter__()
        self.answered = time.monotonic()

    def _renew(self) -> None:
        """Extend the leases of what is claimed and of what is out."""
        for claimed in self.claims:
            claimed.renew()
        if time.monotonic() - self.renewed > SENDING_RENEWAL_SECONDS:
            self.renewed = time.monotonic()
            outbox.renew_sending(self.stream, self.pool.unanswered)

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
        results = self.pool.collect(min(seconds or 0.0, SILENCE_SECONDS) or SILENCE_SECONDS)
        if results or not self.pool.in_flight:
            self.answered = time.monotonic()
        return results

    def _seconds_to_next_slot(self) -> float | None:
        """Return the seconds until another message may leave; None when no rate limits it."""
        waits = [wait for one in (self.window, self.rate) if (wait := one.wait()) is not None]
        return max(waits, default=None)

    def _attempts(self, *, patient: bool) -> Iterator[Attempt[RowT]]:
        """Claim rows and yield their messages for as long as more are asked for."""
        while not self.stopping and not self._may_not_send(patient=patient):
            claimed = outbox.claim(self.stream, self.wanted)
            if not claimed.rows:
                return
            # Some messages of the claim before may still be waiting for a connection.
            del self.claims[:-1]
            self.claims.append(claimed)
            yield from self._messages(claimed)

    def _may_not_send(self, *, patient: bool) -> bool:
        return host_clock.is_off() or streams.is_stopped(self.stream.name, patient=patient)

    def _messages(self, claimed: Claim[RowT]) -> Iterator[Attempt[RowT]]:
        """Yield the rows of a claim with their messages; fail those that cannot be rendered."""
        unhandled = {row.pk for row in claimed.rows}
        for row, message in self.render(claimed.rows):
            unhandled.discard(row.pk)
            if isinstance(message, IncompleteSettingsError):
                self._stop(str(message))
                return
            if isinstance(message, Exception):
                log.error(
                    "%s %s cannot be written: %s",
                    self.stream.name,
                    row.pk,
                    message,
                    extra=about(row),
                )
                self._fail(row, f"It could not be written: {message}")
                if not isinstance(message, IncompleteMessageError):
                    self._note_refusal(row, f"It could not be written: {message}")
                    self.failed.append(row)
                    self._store_answers()
                if self.halted:
                    return
            elif wrong := sender_error(message.from_email or ""):
                self._stop(wrong)
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

    def _inspect(self, results: list[tuple[Attempt[RowT], SendResult]]) -> None:
        """Decide from the results, before they are stored, how the run goes on."""
        for attempt, result in results:
            self._note(attempt, result)
            self._log(attempt, result)
        accepted = [result.status == SendStatus.SENT for _, result in results]
        if set(self.answers) - {streams.ACCEPTED} or (any(accepted) and not self.proven):
            self._store_answers()
        if self.stream_stopped:
            results[:] = [
                (attempt, replace(result, status=SendStatus.RETRY))
                if result.may_meet_all
                else (attempt, result)
                for attempt, result in results
            ]
        if any(result.stop or result.hold_seconds for _, result in results):
            self.halted = True
        if any(result.retry_now for _, result in results):
            self.again = True
        if results and all(accepted):
            self.pool.widen()
        elif any(result.may_meet_all or result.server_error for _, result in results):
            self.pool.narrow()

    def _log(self, attempt: Attempt[RowT], result: SendResult) -> None:
        """Log what became of a message: in debugging all, otherwise what did not leave."""
        level = logging.DEBUG if result.status == SendStatus.SENT else logging.INFO
        if log.isEnabledFor(level):
            words = (self.stream.name, attempt.row.pk, result.status, result.reason)
            log.log(level, "%s %s: %s. %s", *words, extra=about(attempt.row))

    def _note(self, attempt: Attempt[RowT], result: SendResult) -> None:
        """Note how a message was answered, if that tells something about the stream."""
        if result.may_meet_all:
            if result.status == SendStatus.FINAL:
                self.failed.append(attempt.row)
            self._note_refusal(attempt.row, result.reason)
        elif result.status == SendStatus.SENT:
            self.answers += streams.ACCEPTED
        elif result.status == SendStatus.FINAL:
            self.answers += streams.OTHER
        elif (result.status == SendStatus.UNCERTAIN or result.server_error) and not self.halted:
            self.answers, self.refusal = self.answers + streams.DOUBTFUL, result.reason

    def _note_refusal(self, row: RowT, reason: str) -> None:
        """Count a refusal that many recipients would meet, unless it says nothing new.

        A second refusal of the same row, of a reader who was refused alone before, or of a small
        organisation that refused several, counts only while nobody's mail is accepted; notices to
        addresses that nobody confirmed never count.
        """
        domain = row.subscriber.email.rpartition("@")[2].lower()
        self.refused_by[domain] += 1
        known = row.attempts > 1 or refusals.is_known(row)
        small = self.refused_by[domain] > MOST_OF_ONE_DOMAIN and refusals.is_small(domain)
        counts = isinstance(row, Digest) or row.subscriber.confirmed_at is not None
        if counts and not (self.proven and (known or small)):
            self.answers, self.refusal = self.answers + streams.REFUSED, reason
        if self.proven and not known:
            refusals.remember(row, reason)

    def _store_answers(self) -> None:
        """Store how messages were answered, and halt when that stopped the stream."""
        answers, self.answers = self.answers, ""
        if not answers:
            return
        if streams.note_answers(self.stream.name, answers, self.refusal):
            self.halted = self.stream_stopped = True
            self.reason = self.refusal
            spared = outbox.requeue_failed(self.stream, self.failed, self.refusal)
            self.counts += Counter({State.QUEUED: spared})
            self.counts -= Counter({State.FAILED: spared})
        self.proven = self.proven or streams.ACCEPTED in answers
