"""Send messages over kept connections to the mail server or provider.

``ConnectionPool`` hides whether a mail backend can only send and wait (any Django or Anymail
backend: one thread and one kept connection for each message in flight) or can be driven without
blocking (our own SMTP backend: one thread serves all connections). Nothing here knows rows or
states.
"""

from __future__ import annotations

import logging
import selectors
import time
from abc import ABC, abstractmethod
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from threading import Lock
from types import TracebackType
from typing import Any, Final, Generic, Protocol, Self, TypeVar, cast

from anymail.message import AnymailMessage
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend

from newsletter.delivery import provider_limits
from newsletter.mail import errors
from newsletter.mail.backends import smtp
from newsletter.mail.errors import SendResult, SendStatus

log = logging.getLogger(__name__)

# The results that come within this time share one commit.
GATHER_SECONDS: Final = 0.02


class Permits:
    """Count the connections of each kind of mail in this process, over all its runs."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.taken: Counter[str] = Counter()

    def take(self, kind: str, limit: int) -> bool:
        """Take the permit for one more connection; False when ``limit`` are taken."""
        with self.lock:
            free = self.taken[kind] < limit
            self.taken[kind] += free
            return free

    def give_back(self, kind: str, count: int) -> None:
        """Give ``count`` permits back."""
        with self.lock:
            self.taken[kind] -= count


permits: Final = Permits()


class Sendable(Protocol):
    """Anything that has a message."""

    @property
    def message(self) -> AnymailMessage:
        """Return the message to send."""
        ...


SendableT = TypeVar("SendableT", bound=Sendable)


class ConnectionPool(ABC, Generic[SendableT]):
    """Keep as many connections open as are needed, at most the number that the provider allows.

    A run begins with one and doubles them with every round that went well, so that three messages
    do not open eight connections and a troubled server is not pressed. Runs with the same ``kind``
    of mail share the provider's limit; each keeps one connection to the end, and has no room at all
    when none is left.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.limits = provider_limits.limits()
        self.width = 1
        self.permits = 0
        self.late_permits = 0
        self.open = 0
        self.idle: list[BaseEmailBackend] = []

    def __enter__(self) -> Self:
        self.width = int(self._take_permit())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections and give all permits back."""
        self.close_idle()
        permits.give_back(self.kind, self.permits)
        permits.give_back(self._late_kind, self.late_permits)
        self.permits = self.late_permits = 0

    @property
    def _late_kind(self) -> str:
        return f"{self.kind}, unanswered"

    def make_late(self) -> None:
        """Close the idle connections, and pass the permits of unanswered messages on.

        Such connections are counted apart, up to the same limit: a server that is silent to some
        messages takes no connection from the others.
        """
        self.close_idle()
        while self.permits and permits.take(self._late_kind, self.limits.connections):
            self.late_permits += 1
            self.permits -= 1
            permits.give_back(self.kind, 1)

    def close_idle(self) -> None:
        """Close the connections that carry nothing, and give their permits back."""
        while self.idle:
            self._close(self.idle[-1])
            self.idle.pop()

    @property
    @abstractmethod
    def unanswered(self) -> list[SendableT]:
        """Return the messages that are being sent."""

    @property
    def in_flight(self) -> int:
        """Return how many messages are being sent or have a result that was not collected."""
        return len(self.unanswered)

    @property
    def room(self) -> int:
        """Return how many messages may be started now."""
        free = self.limits.connections - permits.taken[self.kind]
        return max(0, min(self.width, self.permits + free) - self.in_flight)

    def prepare(self, count: int) -> SendResult | None:
        """Connect for ``count`` messages, or fewer; return the error when nothing is connected."""
        trouble: SendResult | None = None
        while len(self.idle) < count and trouble is None:
            if self.open == self.permits and not self._take_permit():
                break
            try:
                connection = get_connection()
                connection.open()
            except Exception as error:  # noqa: BLE001 - backends raise what they like
                trouble = errors.classify_connection_error(error)
                self.width = max(1, len(self.idle) + self.in_flight)
            else:
                self.open += 1
                self.idle.append(connection)
        self._give_back_permits()
        return None if self.idle else trouble

    def _take_permit(self) -> bool:
        given = permits.take(self.kind, self.limits.connections)
        self.permits += given
        return given

    def _give_back_permits(self) -> None:
        """Give the permits back that no open connection uses, except one."""
        spare = self.permits - max(1, self.open - self.late_permits)
        if spare > 0:
            self.permits -= spare
            permits.give_back(self.kind, spare)

    def _close(self, connection: BaseEmailBackend) -> None:
        close(connection)
        self.open -= 1
        self._give_back_permits()

    @abstractmethod
    def start(self, mails: list[SendableT]) -> None:
        """Begin to send messages, one on each idle connection."""

    def pump(self) -> None:
        """Continue the messages in flight without waiting."""

    @abstractmethod
    def collect(self, seconds: float | None = None) -> list[tuple[SendableT, SendResult]]:
        """Return the results of finished messages, waiting for at least one.

        Args:
            seconds: How long to wait at most; None for as long as something is in flight.
        """

    def widen(self) -> None:
        """Allow twice as many connections, up to the provider's limit."""
        self.width = min(self.width * 2, self.limits.connections)

    def narrow(self) -> None:
        """Allow half as many connections, at least one."""
        self.width = max(1, self.width // 2)


class ThreadConnections(ConnectionPool[SendableT]):
    """Connections of any mail backend, each message sent in a thread that waits for its result."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.threads = ThreadPoolExecutor(self.limits.connections, "mail")
        self.futures: dict[Future[SendResult], tuple[SendableT, BaseEmailBackend]] = {}

    def close(self) -> None:
        """Close all connections, once every message has its result, and give all permits back."""
        self.threads.shutdown()
        super().close()

    @property
    def unanswered(self) -> list[SendableT]:
        """Return the messages that are being sent."""
        return [mail for mail, _ in self.futures.values()]

    def start(self, mails: list[SendableT]) -> None:
        """Begin to send messages, one on each idle connection."""
        for mail in mails:
            connection = self.idle.pop()
            future = self.threads.submit(send, connection, mail.message)
            self.futures[future] = (mail, connection)

    def collect(self, seconds: float | None = None) -> list[tuple[SendableT, SendResult]]:
        """Return the results of finished messages, waiting for at least one."""
        done = wait(self.futures, timeout=seconds, return_when=FIRST_COMPLETED).done
        results = []
        for future in done:
            mail, connection = self.futures.pop(future)
            result = future.result()
            results.append((mail, result))
            if result.connection_lost:
                self._close(connection)
            else:
                self.idle.append(connection)
        return results


class SmtpConnections(ConnectionPool[SendableT]):
    """Connections of our SMTP backend, all driven by the calling thread."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.busy: dict[smtp.EmailBackend, SendableT] = {}
        self.done: list[tuple[SendableT, SendResult]] = []
        self.watched: dict[smtp.EmailBackend, int] = {}
        self.selector = selectors.DefaultSelector()

    def close(self) -> None:
        """Close all connections, whatever they carry, and give all permits back."""
        for connection in self.busy:
            close(connection)
        super().close()
        self.selector.close()

    def _close(self, connection: BaseEmailBackend) -> None:
        if self.watched.pop(cast(smtp.EmailBackend, connection), None) is not None:
            self.selector.unregister(cast(smtp.EmailBackend, connection))
        super()._close(connection)

    @property
    def unanswered(self) -> list[SendableT]:
        """Return the messages that are being sent."""
        return list(self.busy.values())

    @property
    def in_flight(self) -> int:
        """Return how many messages are being sent or have a result that was not collected."""
        return len(self.busy) + len(self.done)

    def start(self, mails: list[SendableT]) -> None:
        """Begin to send messages, one on each idle connection."""
        for mail in mails:
            connection = self.idle.pop()
            assert isinstance(connection, smtp.EmailBackend)  # noqa: S101 - chosen by its class
            self.busy[connection] = mail
            connection.begin(mail.message)
            self._watch(connection)

    def pump(self) -> None:
        """Continue the messages in flight without waiting."""
        if self.busy:
            self._continue_ready(0)

    def collect(self, seconds: float | None = None) -> list[tuple[SendableT, SendResult]]:
        """Return the results of finished messages, waiting for at least one."""
        start = time.monotonic()
        while self.busy:
            waited = time.monotonic() - start
            if waited > GATHER_SECONDS if self.done else seconds is not None and waited > seconds:
                break
            self._continue_ready(GATHER_SECONDS)
        results, self.done = self.done, []
        return results

    def _continue_ready(self, seconds: float) -> None:
        """Continue every connection that becomes readable or writable within so many seconds."""
        ready = [key.data for key, _ in self.selector.select(seconds)]
        overdue = [one for one in self.busy if one.is_overdue and one not in ready]
        for connection in [*ready, *overdue]:
            if connection in self.busy:
                connection.go_on()
                self._watch(connection)
            else:  # The server closes an idle connection.
                self.idle.remove(connection)
                self._close(connection)

    def _watch(self, connection: smtp.EmailBackend) -> None:
        """Take the result of a finished message, or register for the next event."""
        if connection.finished:
            result = connection.outcome
            self.done.append((self.busy.pop(connection), result))
            if result.connection_lost:
                self._close(connection)
                return
            self.idle.append(connection)
        wanted = selectors.EVENT_READ
        if connection.wants_to_write:
            wanted |= selectors.EVENT_WRITE
        if self.watched.get(connection) == wanted:
            return
        if connection in self.watched:
            self.selector.modify(connection, wanted, connection)
        else:
            self.selector.register(connection, wanted, connection)
        self.watched[connection] = wanted


def connection_pool(kind: str) -> ConnectionPool[Any]:
    """Return the pool that fits the mail backend of the settings."""
    backend = get_connection()
    if isinstance(backend, smtp.EmailBackend):
        return SmtpConnections(kind)
    return ThreadConnections(kind)


@dataclass(frozen=True)
class UnqueuedMail:
    """A message without a row."""

    message: AnymailMessage


def send_single(message: AnymailMessage) -> SendResult:
    """Send one message over a connection of its own and return its result. Never raises."""
    with connection_pool("single") as pool:
        if not pool.room:
            return SendResult(
                SendStatus.RETRY, "Every connection is in use; try again in a minute."
            )
        trouble = pool.prepare(1)
        if trouble is not None:
            return trouble
        pool.start([UnqueuedMail(message)])
        [(_, result)] = pool.collect()
        return result


def send(connection: BaseEmailBackend, message: AnymailMessage) -> SendResult:
    """Send one message over an open connection and return its result. Never raises."""
    try:
        accepted = connection.send_messages([message])
    except Exception as error:  # noqa: BLE001 - backends raise what they like; errors sorts it
        # Most backends cannot tell how far they got, and then the doubt remains.
        handed_over = bool(getattr(connection, "handed_over", True))
        result = errors.classify_error(error, handed_over=handed_over)
        return replace(result, connection_lost=True)
    return errors.classify_status(message.anymail_status, message.to[0], accepted or 0)


def close(connection: BaseEmailBackend) -> None:
    """Close a connection and ignore its errors; the next one starts fresh."""
    try:
        connection.close()
    except Exception as error:  # noqa: BLE001 - it is being thrown away
        log.debug("Closing the mail connection: %s", type(error).__name__)
