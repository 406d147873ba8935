"""The SMTP client: encrypted or not, with large messages, and servers that speak out of turn."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from anymail.message import AnymailMessage
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.core.mail import get_connection
from pytest_django import Settings

from newsletter.delivery import connections
from newsletter.mail.errors import SendResult, SendStatus
from tests.sink import Sink, running_sink

LARGE = "A line of an ordinary length, which is repeated until nobody reads on.\n" * 20_000
TOO_LARGE_FOR_ANY_BUFFER = LARGE * 10


def a_message(body: str = "Papers.\n") -> AnymailMessage:
    return AnymailMessage("Today", body, "post@example.org", ["ada@example.org"])


def point_at(port: int, settings: Settings, **changes: Any) -> None:
    settings.EMAIL_BACKEND = "newsletter.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_TIMEOUT = 10
    for name, value in changes.items():
        setattr(settings, name, value)


def a_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    start = datetime.now(UTC) - timedelta(hours=1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


@pytest.fixture(params=["none", "from the first byte", "upgraded"])
def any_sink(
    request: pytest.FixtureRequest,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Sink]:
    """A mail server with each kind of encryption."""
    certificate, key = a_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    kinds: dict[str, dict[str, Any]] = {
        "none": {},
        "from the first byte": {"ssl_context": context},
        "upgraded": {"tls_context": context, "require_starttls": True},
    }
    options = kinds[request.param]
    with running_sink(**options) as sink:
        point_at(
            sink.port,
            settings,
            EMAIL_USE_SSL="ssl_context" in options,
            EMAIL_USE_TLS="tls_context" in options,
        )
        yield sink


@pytest.mark.parametrize("body", ["Papers.\n", LARGE], ids=["small", "large"])
def test_a_message_arrives_whole_over_every_kind_of_connection(any_sink: Sink, body: str) -> None:
    message = a_message(body)
    assert connections.send_single(message) == SendResult(SendStatus.SENT)
    assert get_connection().send_messages([message]) == 1
    for received in any_sink.messages:
        assert received.get_content().replace("\r\n", "\n") == body
    assert len(any_sink.messages) == 2


@contextmanager
def rude_server(*answers: bytes) -> Iterator[int]:
    """Says each of the answers when it has heard something, and then hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"220 hello\r\n")
                for answer in answers:
                    if not connection.recv(1000):
                        return
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)


GREETING = b"250-rude\r\n250 PIPELINING\r\n"
GO_ON = b"250 fine\r\n250 fine\r\n354 go on\r\n"


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ((GREETING, GO_ON, b"552 5.3.4 too large\r\n"), SendStatus.RETRY),
        ((GREETING, GO_ON, b"452 4.3.1 no room\r\n"), SendStatus.RETRY),
        ((GREETING, GO_ON, b"250 taken before it was said\r\n"), SendStatus.RETRY),
        ((GREETING, GO_ON), SendStatus.RETRY),
        ((GREETING, b"250 fine\r\n550 5.1.1 no such user\r\n503 no\r\n"), SendStatus.FINAL),
        ((GREETING, b"250 fi"), SendStatus.RETRY),
        ((GREETING, b"nonsense\r\n" * 3), SendStatus.RETRY),
    ],
)
def test_a_server_that_answers_too_early_or_stops_has_not_got_the_message(
    settings: Settings, answers: tuple[bytes, ...], status: SendStatus
) -> None:
    with rude_server(*answers) as port:
        point_at(port, settings)
        assert connections.send_single(a_message(TOO_LARGE_FOR_ANY_BUFFER)).status == status


def test_a_reply_may_come_in_many_lines_and_many_pieces(settings: Settings) -> None:
    pieces = [b"250-one\r\n25", b"0-two\r\n250 three\r\n250 fine\r\n354 ", b"go on\r\n"]

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"220 hello\r\n")
                connection.recv(1000)
                connection.sendall(GREETING)
                connection.recv(1000)
                for piece in pieces:
                    connection.sendall(piece)
                heard = b""
                while not heard.endswith(b"\r\n.\r\n"):
                    heard += connection.recv(100_000)
                connection.sendall(b"250-taken\r\n250 as 1234\r\n")
                connection.recv(1000)
                connection.sendall(b"221 bye\r\n")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        point_at(listener.getsockname()[1], settings)
        assert connections.send_single(a_message()) == SendResult(SendStatus.SENT)
        thread.join(10)
