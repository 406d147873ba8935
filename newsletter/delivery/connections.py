"""The open connections of one sender: how messages that may leave actually do.

``Wires`` hides whether a mail backend can only send and wait (any Django or Anymail backend: one
thread and one kept connection for each message in flight) or can be asked to begin and to go on
(our own SMTP backend: one thread serves all connections). Nothing here knows rows or states.
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
from typing import Any, Final, Generic, Protocol, Self, TypeVar

from anymail.message import AnymailMessage
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend

from newsletter.delivery import provider_limits
from newsletter.mail import errors
from newsletter.mail.backends import smtp
from newsletter.mail.errors import SendResult, SendStatus

log = logging.getLogger(__name__)

# How long the quick wait for the slow, so that many share one commit.
GATHER_SECONDS: Final = 0.02
Carried = TypeVar("Carried", bound="Mail")


class Permits:
    """How many connections each kind of mail has in this process, all its runs together."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.taken: Counter[str] = Counter()

    def take(self, kind: str, limit: int) -> bool:
        """One more connection, unless there are as many as there may be."""
        with self.lock:
            free = self.taken[kind] < limit
            self.taken[kind] += free
            return free

    def give_back(self, kind: str, count: int) -> None:
        with self.lock:
            self.taken[kind] -= count


permits: Final = Permits()


class Mail(Protocol):
    """What travels: anything that has a message."""

    @property
    def message(self) -> AnymailMessage: ...


class Wires(ABC, Generic[Carried]):
    """As many kept connections as are needed, at most what the provider takes.

    A run begins with one and doubles them with every round that went well, so that three mails
    do not open eight connections and a troubled server is not pressed. Runs with the same
    ``kind`` of mail share what the provider takes; each keeps one connection to the end, and has
    no room at all when there is none left.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.limits = provider_limits.limits()
        self.width = 1
        self.permits = 0
        self.open = 0
        self.idle: list[BaseEmailBackend] = []

    def __enter__(self) -> Self:
        self.width = int(self._permit())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        for connection in self.idle:
            close(connection)
        permits.give_back(self.kind, self.permits)

    @property
    @abstractmethod
    def in_flight(self) -> int:
        """How many messages are on their way."""

    @property
    def room(self) -> int:
        """How many messages may be started now."""
        free = self.limits.connections - permits.taken[self.kind]
        return max(0, min(self.width, self.permits + free) - self.in_flight)

    def prepare(self, count: int) -> SendResult | None:
        """Connect for that many messages, or for fewer; why, if nobody answered at all."""
        trouble: SendResult | None = None
        while len(self.idle) < count and trouble is None:
            if self.open == self.permits and not self._permit():
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
        self._give_back()
        return None if self.idle else trouble

    def _permit(self) -> bool:
        given = permits.take(self.kind, self.limits.connections)
        self.permits += given
        return given

    def _give_back(self) -> None:
        """Leave to others what is not used, but for one."""
        spare = self.permits - max(1, self.open)
        if spare > 0:
            self.permits -= spare
            permits.give_back(self.kind, spare)

    def _close(self, connection: BaseEmailBackend) -> None:
        close(connection)
        self.open -= 1
        self._give_back()

    @abstractmethod
    def start(self, mails: list[Carried]) -> None:
        """Let messages go, one on each idle connection."""

    def pump(self) -> None:
        """Let what is on its way go on, without waiting."""

    @abstractmethod
    def collect(self, seconds: float | None = None) -> list[tuple[Carried, SendResult]]:
        """What came back, waiting for at least one, at most so many seconds.

        Empty when nothing is in flight.
        """

    def widen(self) -> None:
        self.width = min(self.width * 2, self.limits.connections)


class Threads(Wires[Carried]):
    """For any mail backend: it sends and waits, each message in a thread."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.pool = ThreadPoolExecutor(self.limits.connections, "wire")
        self.futures: dict[Future[SendResult], tuple[Carried, BaseEmailBackend]] = {}

    def __exit__(self, *args: Any) -> None:
        self.pool.shutdown()
        super().__exit__(*args)

    @property
    def in_flight(self) -> int:
        return len(self.futures)

    def start(self, mails: list[Carried]) -> None:
        for mail in mails:
            connection = self.idle.pop()
            future = self.pool.submit(send, connection, mail.message)
            self.futures[future] = (mail, connection)

    def collect(self, seconds: float | None = None) -> list[tuple[Carried, SendResult]]:
        done = wait(self.futures, timeout=seconds, return_when=FIRST_COMPLETED).done
        results = []
        for future in done:
            mail, connection = self.futures.pop(future)
            outcome = future.result()
            results.append((mail, outcome))
            if outcome.connection_lost:
                self._close(connection)
            else:
                self.idle.append(connection)
        return results


class Sockets(Wires[Carried]):
    """For our SMTP backend: one thread, all connections."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.busy: dict[smtp.EmailBackend, Carried] = {}
        self.done: list[tuple[Carried, SendResult]] = []
        self.watched: dict[smtp.EmailBackend, int] = {}
        self.selector = selectors.DefaultSelector()

    def __exit__(self, *args: Any) -> None:
        for connection in self.busy:
            close(connection)
        self.selector.close()
        super().__exit__(*args)

    @property
    def in_flight(self) -> int:
        return len(self.busy) + len(self.done)

    def start(self, mails: list[Carried]) -> None:
        for mail in mails:
            connection = self.idle.pop()
            assert isinstance(connection, smtp.EmailBackend)  # noqa: S101 - chosen by its class
            self.busy[connection] = mail
            connection.begin(mail.message)
            self._watch(connection)

    def pump(self) -> None:
        if self.busy:
            self._go_on(0)

    def collect(self, seconds: float | None = None) -> list[tuple[Carried, SendResult]]:
        start = time.monotonic()
        while self.busy:
            waited = time.monotonic() - start
            if waited > GATHER_SECONDS if self.done else seconds is not None and waited > seconds:
                break
            self._go_on(GATHER_SECONDS)
        results, self.done = self.done, []
        return results

    def _go_on(self, seconds: float) -> None:
        """Let every connection go on on which something happens within so many seconds."""
        ready = [key.data for key, _ in self.selector.select(seconds)]
        for connection in ready or [one for one in self.busy if one.is_overdue]:
            if connection in self.busy:
                connection.go_on()
                self._watch(connection)
            else:  # The server hangs up on a connection that carries nothing.
                self.idle.remove(connection)
                self._drop(connection)

    def _watch(self, connection: smtp.EmailBackend) -> None:
        """Take a message that is done with from its connection, or wait for what comes next."""
        if connection.finished:
            outcome = connection.outcome
            self.done.append((self.busy.pop(connection), outcome))
            if outcome.connection_lost:
                self._drop(connection)
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

    def _drop(self, connection: smtp.EmailBackend) -> None:
        if self.watched.pop(connection, None) is not None:
            self.selector.unregister(connection)
        self._close(connection)


def wires(kind: str) -> Wires[Any]:
    """What carries this kind of mail with the mail backend that the settings name."""
    backend = get_connection()
    return Sockets(kind) if isinstance(backend, smtp.EmailBackend) else Threads(kind)


@dataclass(frozen=True)
class Letter:
    """A message without a row."""

    message: AnymailMessage


def send_single(message: AnymailMessage) -> SendResult:
    """Send one message over a connection of its own and say what came of it. Never raises."""
    with wires("single") as carriers:
        if not carriers.room:
            return SendResult(
                SendStatus.RETRY, "Every connection is in use; try again in a minute."
            )
        trouble = carriers.prepare(1)
        if trouble is not None:
            return trouble
        carriers.start([Letter(message)])
        [(_, outcome)] = carriers.collect()
        return outcome


def send(connection: BaseEmailBackend, message: AnymailMessage) -> SendResult:
    """Hand one message over an open connection and say what came of it. Never raises."""
    try:
        accepted = connection.send_messages([message])
    except Exception as error:  # noqa: BLE001 - backends raise what they like; errors sorts it
        # Most backends cannot tell how far they got, and then the doubt remains.
        handed_over = bool(getattr(connection, "handed_over", True))
        outcome = errors.classify_error(error, handed_over=handed_over)
        return replace(outcome, connection_lost=True)
    return errors.classify_status(message.anymail_status, message.to[0], accepted or 0)


def close(connection: BaseEmailBackend) -> None:
    """Drop a connection; the next one forgets whatever was wrong with it."""
    try:
        connection.close()
    except Exception as error:  # noqa: BLE001 - it is being thrown away
        log.debug("Closing the mail connection: %s", type(error).__name__)
