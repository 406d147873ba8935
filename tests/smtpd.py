"""A quick SMTP server on 127.0.0.1 that notes what it takes and misbehaves as it is told.

In a thread of its own (``with running() as server``) it outlives the sender that a test kills;
``python -m tests.smtpd PORT`` runs it as a process for the benchmarks. It speaks PIPELINING and
8BITMIME (RFC 2920, RFC 6152).
"""

from __future__ import annotations

import asyncio
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Literal, cast

Phase = Literal["connect", "ehlo", "auth", "mail", "rcpt", "data", "dot"]
# What the server does at a phase instead of agreeing: a reply such as "451 later", or a word.
# "drop" closes the connection and "hang" says nothing more; at the dot both have taken the
# message, while "lose" closes without having taken it.
Trouble = Callable[[Phase, str], str]

MESSAGE_ID: Final = re.compile(rb"^Message-ID: (<[^>]*>)", re.I | re.M)
ADDRESS: Final = re.compile(rb"<([^>]*)>")
EXTENSIONS: Final = b"250-sink\r\n250-PIPELINING\r\n250-SIZE 10000000\r\n250 8BITMIME\r\n"
END: Final = b"\r\n.\r\n"


def calm(_phase: Phase, _recipient: str) -> str:
    return ""


class Server:
    """``taken`` lists (recipient, Message-ID) in order, ``moments`` the times of taking.

    ``open_now`` and ``most_open`` count connections.
    """

    def __init__(self, port: int = 0, extensions: bytes = EXTENSIONS) -> None:
        self.port = port
        self.extensions = extensions
        self.trouble: Trouble = calm
        self.keep = False
        self.delay = 0.0
        self.taken: list[tuple[str, str]] = []
        self.moments: list[float] = []
        self.bodies: list[bytes] = []
        self.senders: list[str] = []
        self.open_now = self.most_open = 0
        self.loop = asyncio.new_event_loop()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}?timeout=5"

    @property
    def duplicates(self) -> list[str]:
        counts = Counter(recipient for recipient, _ in self.taken)
        return [recipient for recipient, count in counts.items() if count > 1]

    def note(self, recipient: str, content: bytes) -> None:
        found = MESSAGE_ID.search(content)
        self.taken.append((recipient, found[1].decode() if found else ""))
        self.moments.append(time.time())
        if self.keep:
            self.bodies.append(content)

    def wait_for(self, count: int, seconds: float) -> bool:
        """Until so many messages were taken; False when that takes too long."""
        deadline = time.monotonic() + seconds
        while len(self.taken) < count:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.002)
        return True

    async def listen(self) -> asyncio.Server:
        server = await self.loop.create_server(lambda: Session(self), "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        return server


class Session(asyncio.Protocol):
    """One connection."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.buffer = bytearray()
        self.recipient = ""
        self.in_data = False
        self.silent = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.server.open_now += 1
        self.server.most_open = max(self.server.most_open, self.server.open_now)
        self.answer("connect", b"220 sink ESMTP\r\n")

    def connection_lost(self, _error: Exception | None) -> None:
        self.server.open_now -= 1

    def data_received(self, data: bytes) -> None:
        start = max(0, len(self.buffer) - len(END))
        self.buffer += data
        while not self.silent:
            mark = END if self.in_data else b"\r\n"
            end = self.buffer.find(mark, start)
            if end < 0:
                return
            taken = bytes(self.buffer[:end])
            del self.buffer[: end + len(mark)]
            start = 0
            if self.in_data:
                self.take(taken)
            else:
                self.command(taken)

    def command(self, line: bytes) -> None:
        word = line[:4].upper()
        if word == b"EHLO":
            self.answer("ehlo", self.server.extensions)
        elif word == b"AUTH":
            self.answer("auth", b"235 welcome\r\n")
        elif word == b"MAIL":
            found = ADDRESS.search(line)
            self.server.senders.append(found[1].decode() if found else "")
            self.answer("mail", b"250 ok\r\n")
        elif word == b"RCPT":
            found = ADDRESS.search(line)
            self.recipient = found[1].decode() if found else ""
            if not self.answer("rcpt", b"250 ok\r\n"):
                self.recipient = ""
        elif word == b"DATA":
            if not self.recipient:
                self.transport.write(b"503 no recipient\r\n")
            else:
                self.in_data = self.answer("data", b"354 go on\r\n")
        elif word == b"QUIT":
            self.transport.write(b"221 bye\r\n")
            self.transport.close()
        else:
            self.transport.write(b"250 ok\r\n")

    def take(self, content: bytes) -> None:
        self.in_data = False
        recipient, self.recipient = self.recipient, ""
        trouble = self.server.trouble("dot", recipient)
        if trouble in {"", "drop", "hang"}:
            self.server.note(recipient, content)
        if self.server.delay and not trouble:
            self.server.loop.call_later(self.server.delay, self.transport.write, b"250 taken\r\n")
        else:
            self.react(trouble, b"250 taken\r\n")

    def answer(self, phase: Phase, agreement: bytes) -> bool:
        return self.react(self.server.trouble(phase, self.recipient), agreement)

    def react(self, trouble: str, agreement: bytes) -> bool:
        """Agree, or do what the trouble says; whether it was agreed."""
        if trouble in {"drop", "lose"}:
            self.silent = True
            self.transport.abort()
        elif trouble == "hang":
            self.silent = True
        else:
            self.transport.write(f"{trouble}\r\n".encode() if trouble else agreement)
        return not trouble


@contextmanager
def running(server: Server | None = None) -> Iterator[Server]:
    """The server in a thread of this process."""
    server = server or Server()
    ready = threading.Event()

    def serve() -> None:
        asyncio.set_event_loop(server.loop)
        server.loop.run_until_complete(server.listen())
        ready.set()
        server.loop.run_forever()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    ready.wait()
    try:
        yield server
    finally:
        server.loop.call_soon_threadsafe(server.loop.stop)
        thread.join()


def main() -> None:
    server = Server(int(sys.argv[1]))
    server.loop.run_until_complete(server.listen())
    print(server.port, flush=True)  # noqa: T201 - whoever started it reads the port here
    server.loop.run_forever()


if __name__ == "__main__":
    main()
