"""Store the rounds of one run, and go on rendering while PostgreSQL writes one.

The server writes in a process of its own, so that a second connection and a look at its socket
between two messages are enough: there is no thread. Nothing of a round leaves before the server
has said that the round is durable.
"""

from __future__ import annotations

import logging
import select
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from typing import Any, Final, Generic

from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from newsletter.delivery import rounds
from newsletter.delivery.outbox import Attempt, MailStream, RowT
from newsletter.delivery.rounds import Round
from newsletter.mail.errors import SendResult

log = logging.getLogger(__name__)

# A run of fewer messages is over before a second connection to the database is worth it.
MESSAGES_BEFORE_CONNECTION: Final = 40
Work = Callable[[], bool]
"""Does a little; returns False when there is nothing left to do."""


class RoundWriter(Generic[RowT]):
    """Store the results and intents of a run, one round at a time."""

    def __init__(self, stream: MailStream[RowT]) -> None:
        self.stream = stream
        self.stored = 0
        self.second: BaseDatabaseWrapper | None = None

    def commit(
        self,
        results: Sequence[tuple[Attempt[RowT], SendResult]],
        attempts: Sequence[Attempt[RowT]],
        *,
        proven: bool,
        work: Work,
    ) -> Round[RowT]:
        """Store a round as ``rounds.commit`` does.

        Args:
            results: The messages that were answered.
            attempts: The messages to be sent next.
            proven: Whether the stream is known to be proven.
            work: Called while the server writes, again and again until it returns False. It may
                use the connection of this thread and must not raise.
        """
        self.stored += len(attempts)
        plain = rounds.plainly_sent(results) if proven and self._pays() else None
        if plain is not None:
            try:
                changed = rounds.store_plain(self.stream, plain, attempts, self._second(work))
            except (DatabaseError, InterfaceError) as error:
                # What was stored is stored: to store it again changes nothing.
                log.warning("A round is stored again, because: %s", type(error).__name__)
                self.close()
            except BaseException:
                self.close()  # The answer of the server is still to come.
                raise
            else:
                return rounds.settle_plain(self.stream, plain, attempts, changed)
        return rounds.commit(self.stream, results, attempts, proven=proven)

    def _pays(self) -> bool:
        """Return whether rounds go over a second connection, which sees no open transaction."""
        return (
            self.stored > MESSAGES_BEFORE_CONNECTION
            and connection.vendor == "postgresql"
            and not connection.in_atomic_block
        )

    def _second(self, work: Work) -> BaseDatabaseWrapper:
        """Return the second connection, which does ``work`` while it waits for the server."""
        if self.second is None:
            self.second = connections.create_connection(DEFAULT_DB_ALIAS)
        self.second.ensure_connection()
        raw: Any = self.second.connection

        def wait(steps: Generator[int, int, Any], *_: Any, **__: Any) -> Any:
            return _wait(steps, raw.fileno(), work)

        raw.wait = wait
        return self.second

    def close(self) -> None:
        """Close the second connection."""
        if self.second is not None:
            with suppress(DatabaseError, InterfaceError):
                self.second.close()
            self.second = None


def _wait(steps: Generator[int, int, Any], descriptor: int, work: Work) -> Any:
    """Take the steps of psycopg that wait for the server, as ``psycopg.waiting.wait`` does.

    Args:
        steps: Yields for what to wait and is sent what is ready, as bits of ``selectors``: 1 to
            read and 2 to write. Its value is that of the statement.
        descriptor: The file descriptor of the socket.
        work: What is done while nothing is ready.
    """
    poller = select.poll()
    busy = True
    try:
        wanted = next(steps)
        while True:
            events = select.POLLIN * bool(wanted & 1) | select.POLLOUT * bool(wanted & 2)
            poller.register(descriptor, events)
            found = poller.poll(0 if busy else None)
            if not found:
                busy = work()
                continue
            [(_, event)] = found
            # An error or a hang-up is found out by reading.
            ready = bool(event & ~select.POLLOUT) | 2 * bool(event & select.POLLOUT)
            wanted = steps.send(ready)
    except StopIteration as end:
        return end.value
