"""A local server that answers as sources do, well or badly."""

from __future__ import annotations

import gzip
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qsl, urlsplit

from papers.addresses import Address
from papers.fetch import Client
from tests.conftest import DATA

XML = "application/xml"
JSON = "application/json"


def recorded(name: str) -> bytes:
    """A recorded answer, unpacked."""
    body = (DATA / name).read_bytes()
    return gzip.decompress(body) if name.endswith(".gz") else body


@dataclass
class Reply:
    """One answer: its status, headers and body, and how the connection behaves.

    ``stop_after`` closes the connection after so many bytes of the body; ``drip`` waits so many
    seconds before each byte.
    """

    body: bytes = b""
    type: str = XML
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    stop_after: int | None = None
    drip: float = 0.0


@dataclass
class Asked:
    """One request as it came in."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    at: float


Answering = Callable[[Asked], Reply]


class SourceServer:
    """Answers by path, with the replies of a list one after the other (the last one stays)."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.port = server.server_port
        self.asked: list[Asked] = []
        self._answers: dict[str, list[Reply] | Answering] = {}

    def answer(self, path: str, *replies: Reply) -> str:
        """Answer so at this path; the address to ask."""
        self._answers[path] = list(replies)
        return self.url(path)

    def answer_by(self, path: str, answering: Answering) -> str:
        """Let a function decide the answers at this path; the address to ask."""
        self._answers[path] = answering
        return self.url(path)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def reply(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        answers = self._answers.get(asked.path)
        if answers is None:
            return Reply(b"nothing here", "text/plain", 404)
        if callable(answers):
            return answers(asked)
        return answers.pop(0) if len(answers) > 1 else answers[0]

    @property
    def opening(self) -> frozenset[Address]:
        return frozenset({("127.0.0.1", self.port)})

    def client(self, **options: object) -> Client:
        """The real client, let in here, which does not really sleep."""
        naps: list[float] = []
        client = Client(opening=self.opening, **{"sleep": naps.append, **options})  # type: ignore[arg-type]
        client.naps = naps  # type: ignore[attr-defined]
        return client


@contextmanager
def source_server() -> Iterator[SourceServer]:
    """A server on a free port of the loopback interface."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("content-length") or 0)
            asked = Asked(
                parts.path,
                dict(parse_qsl(parts.query)),
                {name.lower(): value for name, value in self.headers.items()},
                self.rfile.read(length),
                time.monotonic(),
            )
            self.send(found.reply(asked))

        def do_POST(self) -> None:
            self.do_GET()

        def send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.type)
            self.send_header("Content-Length", str(len(reply.body)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                if reply.drip:
                    for byte in reply.body:
                        self.wfile.write(bytes([byte]))
                        time.sleep(reply.drip)
                self.wfile.write(reply.body[: reply.stop_after])
            except OSError:
                return
            if reply.stop_after is not None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_WR)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found = SourceServer(server)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
