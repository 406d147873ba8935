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
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from papers.http.client import Client
from papers.http.public_network import Address
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

    def client(self, **options: Any) -> Client:
        """The real client, let in here, which does not really sleep."""
        return Client(**{"opening": self.opening, "sleep": lambda _: None, **options})


class Handler(BaseHTTPRequestHandler):
    """Lets the source server decide, and behaves as its reply says."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("content-length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(parts.query))
        asked = Asked(parts.path, query, headers, self.rfile.read(length), time.monotonic())
        self.send(self.server.source.reply(asked))

    def do_POST(self) -> None:
        self.do_GET()

    def send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        headers = {"Content-Type": reply.type, "Content-Length": str(len(reply.body))}
        for name, value in (headers | reply.headers).items():
            self.send_header(name, value)
        self.end_headers()
        body = reply.body[: reply.stop_after]
        try:
            for piece in (body[i : i + 1] for i in range(len(body))) if reply.drip else (body,):
                self.wfile.write(piece)
                time.sleep(reply.drip)
            if reply.stop_after is not None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_WR)
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Tests say what went wrong themselves."""


class Server(ThreadingHTTPServer):
    """Carries the source server to its handlers."""

    daemon_threads = True
    source: SourceServer

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is what some tests are about."""


@contextmanager
def source_server() -> Iterator[SourceServer]:
    """A server on a free port of the loopback interface."""
    server = Server(("127.0.0.1", 0), Handler)
    server.source = SourceServer(server)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield server.source
    finally:
        server.shutdown()
        server.server_close()
