"""Postmark's sending API on 127.0.0.1, as good or bad as a test wants it.

``python -m tests.faults.provider SECONDS`` runs one whose every answer takes so long.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, cast

# "reset" cuts before it is taken, "lose" after it, "halve"
# in the middle of the answer; "garbage" takes it and answers nonsense; a number is an HTTP status.
Behaviour = Callable[[str], str]
RETRY_AFTER: Final = 7


class Provider(ThreadingHTTPServer):
    """``asked`` lists the recipient of every request, ``taken`` (time, recipient) of every
    message that it accepted. ``refusals`` is how many requests are cut unread."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behaviour: Behaviour = lambda _recipient: ""
        self.delay = 0.0
        self.asked: list[str] = []
        self.taken: list[tuple[float, str]] = []
        self.refusals = 0
        self.refused = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def handle_error(self, *_: Any) -> None:
        """A connection that was cut is what tests are about."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        provider = cast(Provider, self.server)
        if provider.refused < provider.refusals:
            provider.refused += 1
            self._reset()
            return
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        recipient = body["To"]
        provider.asked.append(recipient)
        behaviour = provider.behaviour(recipient)
        time.sleep(provider.delay)
        if behaviour == "reset":
            self._reset()
        elif behaviour.isdigit():
            self._answer(int(behaviour), b'{"ErrorCode": 300, "Message": "no"}')
        else:
            provider.taken.append((time.monotonic(), recipient))
            if behaviour == "lose":
                self._reset()
            elif behaviour == "halve":
                self._answer(200, b'{"ErrorCode": 0, ', promised=200)
                self._reset()
            elif behaviour == "garbage":
                self._answer(200, b"<html>hello")
            else:
                self._agree(recipient, len(provider.taken))

    def do_GET(self) -> None:
        """What was taken so far, for whoever runs this as a process."""
        self._answer(200, json.dumps(cast(Provider, self.server).taken).encode())

    def _agree(self, recipient: str, number: int) -> None:
        answer = {
            "ErrorCode": 0,
            "Message": "OK",
            "MessageID": f"message-{number}",
            "To": recipient,
        }
        self._answer(200, json.dumps(answer).encode())

    def _answer(self, status: int, body: bytes, promised: int = 0) -> None:
        self.send_response(status)
        if status == 429:
            self.send_header("Retry-After", str(RETRY_AFTER))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(promised or len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _reset(self) -> None:
        """End with a TCP reset."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Silence."""


@contextmanager
def running_provider() -> Iterator[Provider]:
    with Provider() as provider:
        thread = threading.Thread(target=provider.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield provider
        finally:
            provider.shutdown()
            thread.join()


def main() -> None:
    with Provider() as provider:
        provider.delay = float(sys.argv[1])
        print(provider.url, flush=True)  # noqa: T201 - whoever started it reads the address here
        provider.serve_forever()


if __name__ == "__main__":
    main()
