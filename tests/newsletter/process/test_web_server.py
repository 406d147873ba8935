"""The web server: slow clients occupy no thread, alone and behind the README's proxy."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from newsletter.process import web_server
from tests.conftest import ROOT
from tests.service import Service
from tests.sink import free_port

SLOW_HEADER = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
SLOW_BODY = (
    b"POST /subscribe/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
)


@contextmanager
def slow_clients(port: int, beginning: bytes, count: int = 200) -> Iterator[None]:
    """Open connections that send a byte every half second and never finish a request."""
    over = threading.Event()
    with ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(count)
        ]
        for client in clients:
            client.sendall(beginning)

        def send() -> None:
            while not over.wait(0.5):
                for client in clients:
                    client.sendall(b"a")

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        yield
        over.set()
        sender.join()


def answers(url: str) -> None:
    """Expect ten answers in a row, each of them within a second."""
    for _ in range(10):
        with urllib.request.urlopen(url, timeout=1) as answer:
            assert answer.status == 200


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("slow") / "var") as running:
        yield running


@pytest.mark.parametrize("beginning", [SLOW_HEADER, SLOW_BODY], ids=["header", "body"])
def test_two_hundred_slow_clients_keep_nobody_waiting(service: Service, beginning: bytes) -> None:
    with slow_clients(service.port, beginning):
        answers(f"{service.url}/healthz")
        answers(f"{service.url}/")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\x00\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 40_000 + b"\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 70000000\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    ],
    ids=["NUL", "long header", "long body", "no length", "unknown encoding"],
)
def test_a_request_that_cannot_be_parsed_is_answered(
    service: Service, request_: bytes, status: int
) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as client:
        client.sendall(request_)
        assert client.recv(1000).split()[1] == str(status).encode()
    assert "uncaptured" not in service.output


def test_a_request_whose_address_is_none_ends_its_connection_only(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as client:
        client.sendall(b"GET http://[ HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.recv(1000) == b""
    assert "uncaptured" not in service.output
    answers(f"{service.url}/healthz")


@pytest.fixture
def proxy(service: Service, tmp_path: Path) -> Iterator[int]:
    """Caddy with our Caddyfile in front of the service; the port it listens on."""
    if not shutil.which("caddy"):
        pytest.skip("caddy is not installed")
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "SITE_ADDRESS": f"http://127.0.0.1:{port}",
        "PAPERBOY": f"127.0.0.1:{service.port}",
    }
    # Without its administrative port, which is one for the whole machine.
    written = (ROOT / "Caddyfile").read_text().replace("{\n", "{\n\tadmin off\n", 1)
    (tmp_path / "Caddyfile").write_text(written)
    command = ["caddy", "run", "--adapter", "caddyfile", "--config", str(tmp_path / "Caddyfile")]
    with (tmp_path / "log").open("w") as log:
        caddy = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 20
        while socket.socket().connect_ex(("127.0.0.1", port)):
            assert caddy.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.1)
        yield port
    finally:
        caddy.terminate()
        caddy.wait(20)


@pytest.mark.parametrize("beginning", [SLOW_HEADER, SLOW_BODY], ids=["header", "body"])
def test_the_proxy_of_the_readme_holds_them_too(proxy: int, beginning: bytes) -> None:
    with slow_clients(proxy, beginning):
        answers(f"http://127.0.0.1:{proxy}/healthz")


def test_the_readme_shows_the_time_outs_of_the_caddyfile() -> None:
    readme = (ROOT / "README.md").read_text()
    for line in ("read_header 10s", "read_body 60s", "max_size 64MB"):
        assert line in (ROOT / "Caddyfile").read_text()
        assert line in readme


def hello(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]


def test_a_request_that_takes_too_long_to_arrive_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(web_server, "REQUEST_SECONDS", 1)
    port = free_port()
    server = web_server.create(hello, f"127.0.0.1:{port}")
    threading.Thread(target=server.run, daemon=True).start()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = b""
        while not answer.endswith(b"hello"):
            answer += client.recv(4096)
        client.sendall(SLOW_HEADER)
        for _ in range(100):
            time.sleep(0.1)
            try:
                client.sendall(b"a")
            except OSError:
                break
        else:
            pytest.fail("the connection is still open after ten seconds")
    server.close()
