"""Wait for the results of messages that a server leaves unanswered, while the next run sends.

A server may take ten minutes to answer the final dot (RFC 5321 section 4.5.3.2.6). A run does not
wait for that: it hands its pool to a thread, which keeps one connection and the lease of each such
message until its result is stored.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from django.db import connection, connections

from newsletter.delivery import outbox, rounds
from newsletter.delivery.connections import ConnectionPool
from newsletter.delivery.outbox import SENDING_RENEWAL_SECONDS, Attempt, MailStream, RowT
from newsletter.mail.errors import SendResult

log = logging.getLogger(__name__)

# Results that are known are kept for so long while the database is away.
DATABASE_PATIENCE_SECONDS: Final = 3600.0
_waiting: set[threading.Thread] = set()


def collect_later(
    stream: MailStream[RowT],
    pool: ConnectionPool[Attempt[RowT]],
    results: list[tuple[Attempt[RowT], SendResult]],
) -> None:
    """Store the results of a run's last messages in a thread, and close its pool at the end.

    Args:
        stream: The stream of the messages.
        pool: The pool that sends them; it must not be used by the caller any more.
        results: Results that are known and were not stored yet.
    """

    def work() -> None:
        try:
            _collect(stream, pool, results)
        except Exception:
            log.exception("The results of %s could not be stored.", stream.name)
        finally:
            pool.close()
            connections.close_all()
            _waiting.discard(threading.current_thread())

    pool.make_late()
    thread = threading.Thread(target=work, name=f"late results of {stream.name}", daemon=True)
    _waiting.add(thread)
    thread.start()


def _collect(
    stream: MailStream[RowT],
    pool: ConnectionPool[Attempt[RowT]],
    results: list[tuple[Attempt[RowT], SendResult]],
) -> None:
    renewed = -SENDING_RENEWAL_SECONDS
    while results or pool.in_flight:
        if results:
            rounds.commit(stream, results, patience=DATABASE_PATIENCE_SECONDS)
            results.clear()
        results += pool.collect(SENDING_RENEWAL_SECONDS / 2)
        pool.close_idle()
        if pool.unanswered and time.monotonic() - renewed > SENDING_RENEWAL_SECONDS:
            renewed = time.monotonic()
            try:
                outbox.renew_sending(stream, pool.unanswered)
            except rounds.CONNECTION_ERRORS as error:
                log.warning("The database cannot be used: %s", error)
                connection.close()


def wait() -> None:
    """Wait until every late result of this process is stored; for commands."""
    for thread in list(_waiting):
        thread.join()
