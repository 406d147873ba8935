"""Run a program of ours and kill it in one window of its work, standing between it and the world.

``python -m tests.faults.edge WINDOW NUMBER manage.py send_digests`` runs the command as it is and
ends it with SIGKILL when that window opens for the NUMBERth time. Nothing in the program knows:
what is watched are the statements that Django sends to the database and the bytes on the wire.
"""

from __future__ import annotations

import os
import re
import runpy
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any, Final

from django.db import transaction
from django.db.backends.signals import connection_created

END: Final = b"\r\n.\r\n"
TABLE: Final = "newsletter_digest"


class Window:
    """The instant that ends the process."""

    def __init__(self, name: str, number: int) -> None:
        self.name = name
        self.left = number

    def reach(self, name: str) -> None:
        """This window is open now."""
        if name != self.name:
            return
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def new_states(sql: str, params: Any) -> list[str]:
    """The states that a statement gives to digests, one for each of its changes."""
    states = []
    for found in re.finditer(rf'UPDATE "?{TABLE}"? SET "?state"? = %s', sql):
        place = sql.count("%s", 0, found.end()) - 1
        states.append(str((params or ())[place]))
    return states


def watch_database(window: Window) -> None:
    """See every statement, and what was committed."""

    def statement(
        execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        states = new_states(sql, params)
        if "claimed" in states:
            window.reach("before claim")
        answer = execute(sql, params, many, context)
        for name, moved_to in (
            ("after claim", "claimed"),
            ("after intent", "sending"),
            ("after result", "sent"),
        ):
            if moved_to in states:
                transaction.on_commit(lambda name=name: window.reach(name))  # type: ignore[misc]
        return answer

    def begin(connection: Any, **_: Any) -> None:
        connection.execute_wrappers.append(statement)

    connection_created.connect(begin, weak=False)


def watch_network(window: Window) -> None:
    """See every byte of a conversation with a mail server."""

    class Wire(socket.socket):
        stage = ""
        tail = b""

        def send(self, data: Any, flags: int = 0) -> int:
            if self.stage == "asked for data":  # The socket takes one half of it for now.
                count = super().send(data[: len(data) // 2], flags)
                self.stage = "sending"
                window.reach("while sending")
                return count
            count = super().send(data, flags)
            self.tail = (self.tail + bytes(data[:count]))[-len(END) :]
            if self.stage == "sending" and self.tail == END:
                self.stage = "handed over"
            return count

        def recv(self, size: int, flags: int = 0) -> bytes:
            answer = super().recv(size, flags)
            if self.stage == "handed over" and answer:
                self.stage = ""
                window.reach("after answer")
            if b"354 " in answer:
                self.stage = "asked for data"
            return answer

    connect = socket.create_connection

    def create_connection(*args: Any, **kwargs: Any) -> Wire:
        plain = connect(*args, **kwargs)
        timeout = plain.gettimeout()
        wire = Wire(plain.family, plain.type, plain.proto, plain.detach())
        wire.settimeout(timeout)
        return wire

    socket.create_connection = create_connection


def main() -> None:
    name, number, program, *arguments = sys.argv[1:]
    window = Window(name, int(number))
    watch_database(window)
    watch_network(window)
    if program == "-m":
        sys.argv = arguments
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = [program, *arguments]
        runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    main()
