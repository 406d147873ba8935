"""Move outbound messages from their row to the wire: claim, send, record, settle.

The row is the queue (:mod:`newsletter.delivery.outbox`), the connections carry
(:mod:`newsletter.delivery.connections`), and this module is the round between them: write down
what came back together with the intent to send the next, let those leave, and render some more
while they travel. The intent is durable before the first network byte, and whatever cannot be
known is ``uncertain`` rather than guessed.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Any, Final

from django.conf import settings
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, connection
from django.db.models import Count, Max, QuerySet
from django.utils.timezone import now

from newsletter.conf import sqlite
from newsletter.delivery import outbox, streams
from newsletter.delivery.connections import Wires, wires
from newsletter.delivery.outbox import (
    Claim,
    Draft,
    Lane,
    State,
    claim,
)
from newsletter.delivery.send_rate import Pace
from newsletter.delivery.streams import hold, pause
from newsletter.mail.errors import SendResult, SendStatus
from newsletter.mail.messages import IncompleteMessageError, IncompleteSettingsError

log = logging.getLogger(__name__)

Until = Callable[[], bool]
Watch = Callable[[Counter[str]], None]
# A database that is being restarted gets this long before what came back must be given up.
DATABASE_PATIENCE: Final = 60.0
DATABASE_PAUSE: Final = 0.5
UNREACHABLE_SECONDS: Final = 15.0
LONGEST_NAP: Final = 1.0
# So many refusals one after another are no chance.
ALIKE: Final = 5
CONNECTION_ERRORS: Final = (OperationalError, InterfaceError)


def deliver(
    lane: Lane,
    *,
    wanted: QuerySet[Any] | None = None,
    until: Until = lambda: False,
    patient: bool = True,
    watch: Watch = lambda _counts: None,
) -> Counter[str]:
    """Send what is queued in this lane, chunk by chunk, and count the states reached.

    ``wanted`` restricts the run; ``until`` is asked between messages whether to stop early;
    a run that is not ``patient`` was asked for by a person and ignores a hold, never a pause;
    ``watch`` is shown the counts as they grow.
    A row that went back to the queue is counted as ``queued``. Nothing is done while other runs
    of this process use all the connections that this lane may have.
    """
    with wires(lane.stream) as carriers:
        run = Run(lane, lane.rows if wanted is None else wanted, carriers, until, watch)
        run.send(patient=patient)
    return run.counts


class Run:
    """One sender's way through a lane; ``counts`` are the states that rows reached."""

    def __init__(
        self,
        lane: Lane,
        wanted: QuerySet[Any],
        carriers: Wires[Draft],
        until: Until,
        watch: Watch,
    ) -> None:
        self.lane = lane
        self.wanted = wanted
        self.render = lane.renderer()
        self.wires = carriers
        self.until = until
        self.watch = watch
        self.pace = Pace(carriers.limits.rate)
        self.window = Pace(self._window_rate(), f"window of {lane.stream}")
        self.counts: Counter[str] = Counter()
        self.claims: list[Claim] = []
        self.halted = False
        self.again = True
        self.reason = ""
        # Rows that were refused one after another, and the reason once they are too many.
        self.refused: list[Any] = []
        self.alike = ""

    def _window_rate(self) -> float:
        """Messages a second at which what waits is gone when MAIL_WINDOW ends for the newest."""
        if not (self.lane.spread and settings.MAIL_WINDOW):
            return 0
        found = outbox.ready(self.wanted).aggregate(count=Count("pk"), newest=Max("created_at"))
        if not found["count"]:
            return 0
        end = found["newest"] + timedelta(minutes=settings.MAIL_WINDOW)
        left = (end - now()).total_seconds()
        return float(found["count"] / left) if left > 0 else 0

    @property
    def stopping(self) -> bool:
        return self.halted or self.until()

    def send(self, *, patient: bool) -> None:
        """Bring every queued row as far as it gets now."""
        results: list[tuple[Draft, SendResult]] = []
        try:
            while self.again and not self.stopping:
                self.again = False
                self._rounds(self._drafts(patient=patient), results)
        except Exception:
            # Whatever happened here, what is already travelling is brought home first.
            while results or self.wires.in_flight:
                results += self.wires.collect()
                self.counts += persist(self.lane, results, [])[0]
                results.clear()
            raise
        for pace in (self.window, self.pace):
            pace.give_back()
        if self.stopping:
            for claimed in self.claims:
                self.counts[State.QUEUED] += outbox.release(claimed, self.reason)

    def _rounds(self, drafts: Iterator[Draft], results: list[tuple[Draft, SendResult]]) -> None:
        ahead: list[Draft] = []
        while True:
            stopping = self.stopping
            if not ahead and not stopping:
                self._render_ahead(drafts, ahead)
            going = [] if stopping else self._boarding(ahead)
            if results or going:
                counted, granted = persist(self.lane, results, going)
                self.counts += counted
                results.clear()
                self.wires.start(granted)
                self.watch(self.counts)
            elif not self.wires.in_flight and (stopping or not ahead):
                return
            if not stopping:
                self._render_ahead(drafts, ahead)
            results += self._collect(waiting=bool(ahead) and not stopping)
            self._judge(results)
            for claimed in self.claims:
                claimed.renew()

    def _render_ahead(self, drafts: Iterator[Draft], ahead: list[Draft]) -> None:
        """Render for the next round while the mails of this one travel."""
        for draft in islice(drafts, max(0, self.wires.width - len(ahead))):
            ahead.append(draft)
            self.wires.pump()

    def _collect(self, *, waiting: bool) -> list[tuple[Draft, SendResult]]:
        """What came back; while mail is waiting for its turn, no longer than until that comes."""
        seconds = self._turn() if waiting and self.wires.room else None
        if seconds is not None and not self.wires.in_flight:
            time.sleep(min(seconds, LONGEST_NAP))
        return self.wires.collect(seconds)

    def _turn(self) -> float | None:
        """Seconds until another message may leave; None when nothing but room is missing."""
        waits = [wait for pace in (self.window, self.pace) if (wait := pace.wait()) is not None]
        return max(waits, default=None)

    def _drafts(self, *, patient: bool) -> Iterator[Draft]:
        """Messages for what is queued, chunk after chunk, as long as they are asked for."""
        while not self.stopping and not streams.is_stopped(self.lane.stream, patient=patient):
            claimed = claim(self.lane, self.wanted)
            if not claimed.rows:
                return
            # Of the last but one, some drafts may still be waiting for a connection.
            self.claims = [*self.claims[-1:], claimed]
            yield from self._messages(claimed)

    def _messages(self, claimed: Claim) -> Iterator[Draft]:
        """The claim's rows as messages; what cannot be one, or not any more, is failed."""
        unhandled = {row.pk for row in claimed.rows}
        for row, message in self.render(claimed.rows):
            unhandled.discard(row.pk)
            if isinstance(message, IncompleteSettingsError):
                self._stop(str(message))
                return
            if isinstance(message, Exception):
                log.error("%s %s cannot be written: %s", self.lane.stream, row.pk, message)
                self._fail(row, f"It could not be written: {message}")
                if not isinstance(message, IncompleteMessageError):
                    self._suspect(row, f"It could not be written: {message}")
                if self.halted:
                    return
            elif row.expires_at and row.expires_at < now():
                self._fail(row, "It could not be sent before it was too late.")
            else:
                yield Draft(row, message)
        if unhandled:  # The renderer settled them by itself.
            settled = self.lane.rows.filter(pk__in=unhandled).values_list("state", flat=True)
            self.counts.update(settled)

    def _fail(self, row: Any, reason: str) -> None:
        self.counts[outbox.move(self.lane, row, State.FAILED, reason=reason)] += 1

    def _boarding(self, ahead: list[Draft]) -> list[Draft]:
        """Take from ``ahead`` what finds a connection.

        When nobody answers that is no fault of these rows: the stream waits, no attempt is used.
        """
        room = self.pace.take(self.window.take(min(len(ahead), self.wires.room)))
        if not room:
            return []
        trouble = self.wires.prepare(room)
        if trouble is not None:
            if trouble.stop:
                self._stop(trouble.reason)
            else:
                self.halted, self.reason = True, trouble.reason
                hold(self.lane.stream, UNREACHABLE_SECONDS, trouble.reason)
            return []
        room = min(room, len(self.wires.idle))
        going, ahead[:] = ahead[:room], ahead[room:]
        return going

    def _stop(self, reason: str) -> None:
        """Pause the stream: no other message would fare better until the operator has looked."""
        self.halted, self.reason = True, reason
        pause(self.lane.stream, reason)

    def _suspect(self, row: Any, reason: str) -> None:
        """After ALIKE refusals without a message taken between them, blame none of these rows."""
        self.refused.append(row)
        if len(self.refused) < ALIKE or self.alike:
            return
        self.alike = f"{ALIKE} mails in a row were refused. {reason}"
        self._stop(self.alike)
        spared = outbox.take_back(self.lane, self.refused, reason)
        self.counts += Counter({State.QUEUED: spared})
        self.counts -= Counter({State.FAILED: spared})

    def _judge(self, results: list[tuple[Draft, SendResult]]) -> None:
        """Draw from what came back what it means for the next; before it is written down."""
        for draft, outcome in results:
            if outcome.status == SendStatus.SENT:
                self.refused.clear()
            elif outcome.may_meet_all:
                self._suspect(draft.row, outcome.reason)
        if self.alike:
            results[:] = [
                (
                    draft,
                    replace(outcome, status=SendStatus.RETRY) if outcome.may_meet_all else outcome,
                )
                for draft, outcome in results
            ]
        if any(outcome.stop or outcome.hold_seconds for _, outcome in results):
            self.halted = True
        if any(outcome.retry_now for _, outcome in results):
            self.again = True
        if results and all(outcome.status == SendStatus.SENT for _, outcome in results):
            self.wires.widen()


def persist(
    lane: Lane, results: list[tuple[Draft, SendResult]], drafts: list[Draft]
) -> tuple[Counter[str], list[Draft]]:
    """``outbox.record``, and when one row cannot be written, all the others by themselves.

    Raises OperationalError when the database stays away too long; the rows are then ``sending``,
    and become ``uncertain`` when their lease is over.
    """
    try:
        return _record(lane, results, drafts)
    except CONNECTION_ERRORS:
        raise
    except Exception as error:  # noqa: BLE001 - the row that is to blame is found below
        log.warning("Recording row by row, because together: %s", type(error).__name__)
    return _record_singly(lane, results, drafts)


def _record_singly(
    lane: Lane, results: list[tuple[Draft, SendResult]], drafts: list[Draft]
) -> tuple[Counter[str], list[Draft]]:
    """What can be written is; a result that cannot is logged, an intent that cannot is failed."""
    counts: Counter[str] = Counter()
    for draft, outcome in results:
        try:
            counts += _record(lane, [(draft, outcome)], [])[0]
        except CONNECTION_ERRORS:
            raise
        except Exception:
            log.exception("%s %s: its result cannot be written.", lane.stream, draft.row.pk)
    granted: list[Draft] = []
    for draft in drafts:
        try:
            counted, going = _record(lane, [], [draft])
        except (DataError, IntegrityError) as error:
            log.exception("%s %s: its intent cannot be written.", lane.stream, draft.row.pk)
            reason = f"It could not be written down: {type(error).__name__}."
            counts[outbox.move(lane, draft.row, State.FAILED, reason=reason)] += 1
        else:
            counts += counted
            granted += going
    return counts, granted


def _record(
    lane: Lane, results: list[tuple[Draft, SendResult]], drafts: list[Draft]
) -> tuple[Counter[str], list[Draft]]:
    """``outbox.record`` on a database that may be restarting: what came back is not forgotten."""
    deadline = time.monotonic() + DATABASE_PATIENCE
    while True:
        try:
            return outbox.record(lane, results, drafts)
        except CONNECTION_ERRORS as error:
            if time.monotonic() > deadline or connection.in_atomic_block:
                raise
            log.warning(
                "The database cannot be used, trying again: %s. %s", error, sqlite.complaint()
            )
            connection.close()
            time.sleep(DATABASE_PAUSE)
