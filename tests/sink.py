"""A real SMTP server on 127.0.0.1 that keeps what it gets and misbehaves on request."""

from __future__ import annotations

import email
import email.policy
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Sink:
    """``accepted`` holds every message taken, as the bytes that came over the wire.

    Set ``at_recipient`` or ``at_message`` to an SMTP reply such as ``"550 no such user"`` to
    refuse there, or ``cut`` to drop the connection once the final dot has come. Options are those
    of aiosmtpd's controller.
    """

    def __init__(self, **options: Any) -> None:
        self.accepted: list[bytes] = []
        self.recipients: list[str] = []
        self.at_recipient = ""
        self.at_message = ""
        self.cut = False
        self.port = free_port()
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port, **options)

    @property
    def messages(self) -> list[EmailMessage]:
        return [email.message_from_bytes(raw, policy=email.policy.default) for raw in self.accepted]

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.at_recipient:
            return self.at_recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.at_message:
            return self.at_message
        self.accepted.append(cast(bytes, envelope.original_content))
        self.recipients += envelope.rcpt_tos
        if self.cut:
            transport = cast(Any, server.transport)
            transport.abort()
        return "250 taken"


@contextmanager
def running_sink(**options: Any) -> Iterator[Sink]:
    sink = Sink(**options)
    sink.controller.start()
    try:
        yield sink
    finally:
        sink.controller.stop()
