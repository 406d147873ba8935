"""Give up on a PostgreSQL server that accepts commands and never answers them.

A frozen server, or a proxy in front of one that died, keeps its TCP connections alive, so that no
time-out of the operating system ends the wait. The web server must answer all the same: a command
that takes longer than ``COMMAND_SECONDS`` loses its connection, and its request gets a 503.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from django.conf import settings
from django.db.backends.signals import connection_created
from psycopg.pq import TransactionStatus

# Together below ten seconds: a connection that is lost is opened once more within its request.
COMMAND_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 0.5
CONNECT_SECONDS: Final = 3


class DatabaseWatch:
    """Watches the connections of this process; one thread serves them all."""

    def __init__(self) -> None:
        self.commands: dict[Any, int] = {}
        """How many commands each of Django's connections has executed."""
        self.busy_since: dict[Any, tuple[int, float]] = {}

    def start(self) -> None:
        """Watch every connection that is opened from now on."""
        options = settings.DATABASES["default"]["OPTIONS"]
        options["connect_timeout"] = CONNECT_SECONDS
        options["tcp_user_timeout"] = int(COMMAND_SECONDS * 1000)
        connection_created.connect(self._add)
        threading.Thread(target=self._run, name="database watch", daemon=True).start()

    def look(self) -> None:
        """Close each connection whose present command has taken too long."""
        for wrapper, count in list(self.commands.items()):
            raw = wrapper.connection
            if raw is None or raw.pgconn.transaction_status != TransactionStatus.ACTIVE:
                self.busy_since.pop(wrapper, None)
                continue
            seen, since = self.busy_since.get(wrapper, (-1, 0.0))
            if seen != count:
                self.busy_since[wrapper] = (count, time.monotonic())
            elif time.monotonic() - since > COMMAND_SECONDS:
                self.busy_since.pop(wrapper)
                _shut_down(raw.fileno())

    def _add(self, connection: Any, **_: object) -> None:
        if connection not in self.commands:
            self.commands[connection] = 0
            connection.execute_wrappers.append(self._count)

    def _count(
        self,
        execute: Callable[..., object],
        sql: str,
        params: object,
        many: bool,
        context: dict[str, Any],
    ) -> object:
        self.commands[context["connection"]] += 1
        return execute(sql, params, many, context)

    def _run(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            self.look()


def _shut_down(descriptor: int) -> None:
    """End the conversation on a socket that another thread waits for; that thread then fails."""
    with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as copy:
        copy.shutdown(socket.SHUT_RDWR)


def start() -> None:
    """Watch the database of this process; SQLite, which is a file, needs none."""
    if settings.DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
        DatabaseWatch().start()
