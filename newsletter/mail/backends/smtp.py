"""A non-blocking SMTP client, so that one thread serves many connections.

Django's backend connects, upgrades to TLS and logs in. Then ``begin`` starts the transaction of one
message and ``go_on`` continues it whenever the socket is ready. Commands are grouped where the
server offers PIPELINING (RFC 2920). ``outcome`` is the result: between the final dot and its answer
the server may or may not have the message (RFC 5321, section 4.5.3.2.6).
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import time
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final, cast

from anymail.message import AnymailMessage
from django.core.mail.backends import smtp
from django.core.mail.message import sanitize_address

from newsletter.mail import errors
from newsletter.mail.errors import SendResult, SendStatus
from newsletter.mail.mime import RepeatableMessage, smtp_data

# Seconds (RFC 5321, section 4.5.3.2).
CONNECT_TIMEOUT: Final = 10.0
COMMAND_TIMEOUT: Final = 60.0
AFTER_DOT_TIMEOUT: Final = 600.0
# Reply codes.
CLOSING: Final = 421
START_DATA: Final = 354
NO_REPLY_CODE: Final = -1  # What smtplib makes of a line without a code.
# Most addresses, which need no encoding.
PLAIN_ADDRESS: Final = re.compile(
    r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@[a-z0-9-]+(?:\.[a-z0-9-]+)+"
)

READ_SIZE: Final = 65_536  # Bytes; no reply is longer.
WOULD_BLOCK: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

Reply = tuple[int, bytes]


class EmailBackend(smtp.EmailBackend):
    """One connection that is kept open. ``send_messages`` works as in Django, blocking."""

    outcome: SendResult
    deadline: float = 0.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sent_count = 0
        self.content = b""
        self.handed_over = False
        self.needs_reset = False
        self.finished = True
        self.pending: list[list[bytes]] = []
        self.commands: list[bytes] = []
        self.replies: list[Reply] = []
        self.unsent = memoryview(b"")
        self.received = b""
        self.reply_lines: list[bytes] = []

    @property
    def command_timeout(self) -> float:
        """Seconds that the server has to answer a command."""
        return float(self.timeout or COMMAND_TIMEOUT)

    @property
    def client(self) -> smtplib.SMTP:
        """The connected client. Raises SMTPServerDisconnected when there is none."""
        if self.connection is None:
            raise smtplib.SMTPServerDisconnected("the connection is closed")
        return self.connection

    @property
    def socket(self) -> socket.socket:
        """The connection's socket."""
        return cast(socket.socket, self.client.sock)

    def open(self) -> bool | None:
        """Connect within CONNECT_TIMEOUT; each later command has EMAIL_TIMEOUT."""
        timeout, self.timeout = self.timeout, min(self.command_timeout, CONNECT_TIMEOUT)
        try:
            opened = super().open()
        finally:
            self.timeout = timeout
        if opened:
            self.client.ehlo_or_helo_if_needed()
            self.socket.settimeout(self.command_timeout)
        return opened

    def fileno(self) -> int:
        """Return the file descriptor for a selector; -1 when the connection is closed."""
        sock = self.connection.sock if self.connection is not None else None
        return sock.fileno() if sock is not None else -1

    @property
    def wants_to_write(self) -> bool:
        """Whether ``go_on`` has to be called when the socket becomes writable."""
        return bool(self.unsent)

    @property
    def is_overdue(self) -> bool:
        """Whether the server has not answered in time, which ``go_on`` turns into an outcome."""
        return time.monotonic() > self.deadline

    def begin(self, message: AnymailMessage) -> None:
        """Start the transaction of one message. Never raises; errors go to ``outcome``."""
        self.finished, self.handed_over = False, False
        try:
            if self.socket.gettimeout():
                self.socket.settimeout(0)
            self.content = smtp_data(message, eight_bit=self.client.has_extn("8bitmime"))
            commands = self._envelope(message)
            self.pending = (
                [commands]
                if self.client.has_extn("pipelining")
                else [[command] for command in commands]
            )
            self._send_next_group()
        except Exception as error:  # noqa: BLE001 - errors sorts it
            self._finish(self._failure(error))

    def go_on(self) -> bool:
        """Read replies and write what comes next; return whether the transaction is finished."""
        try:
            self._receive()
            if self.unsent:
                self._write()
            if not self.finished and self.is_overdue:
                raise TimeoutError("timed out")
        except Exception as error:  # noqa: BLE001 - errors sorts it
            self._finish(self._failure(error))
        return self.finished

    def close(self) -> None:
        """Send QUIT, or only close the socket where a transaction is unfinished."""
        if self.connection is not None and not self.finished:
            self.connection.close()
            self.connection = None
        self._set_blocking()
        super().close()

    def _send(self, email_message: Any) -> bool:
        self._set_blocking()
        return bool(super()._send(email_message))  # type: ignore[misc]  # Not in the stubs.

    def _set_blocking(self) -> None:
        """Make the socket blocking again, as smtplib's own methods need it."""
        if self.connection is not None and self.connection.sock is not None:
            self.connection.sock.settimeout(self.command_timeout)

    def _envelope(self, message: AnymailMessage) -> list[bytes]:
        body = " BODY=8BITMIME" if self.client.has_extn("8bitmime") else ""
        return_path = message.return_path if isinstance(message, RepeatableMessage) else ""
        sender = address(return_path or message.from_email or "")
        [recipient] = [address(one) for one in message.recipients()]
        reset = ["RSET"] if self.needs_reset else []
        lines = [*reset, f"MAIL FROM:{sender}{body}", f"RCPT TO:{recipient}", "DATA"]
        return [line.encode("ascii") for line in lines]

    def _send_next_group(self) -> None:
        self.commands, self.replies = self.pending.pop(0), []
        self._start_writing(b"\r\n".join(self.commands) + b"\r\n")

    def _start_writing(self, text: bytes) -> None:
        self.deadline = time.monotonic() + self.command_timeout
        self.unsent = memoryview(text)
        self._write()

    def _write(self) -> None:
        """Write as much as the socket takes without blocking."""
        try:
            while self.unsent:
                self.unsent = self.unsent[self.socket.send(self.unsent) :]
                self.deadline = time.monotonic() + self.command_timeout
        except WOULD_BLOCK:
            return
        except OSError:
            self._receive()  # A reply that came before the connection broke counts.
            if not self.finished:
                raise
            return
        if self.unsent.obj is self.content:
            self.handed_over = True
            self.deadline = time.monotonic() + AFTER_DOT_TIMEOUT

    def _receive(self) -> None:
        """Read what has arrived; TLS may hold more than one decrypted chunk."""
        more = True
        while more and not self.finished:
            try:
                chunk = self.socket.recv(READ_SIZE)
            except WOULD_BLOCK:
                return
            if not chunk:
                raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")
            self.received += chunk
            if len(self.received) > READ_SIZE:
                raise smtplib.SMTPServerDisconnected("the reply is too long")
            more = isinstance(self.client.sock, ssl.SSLSocket)
            self._parse_replies()

    def _parse_replies(self) -> None:
        """Handle each complete reply. A group of commands gets as many replies."""
        while not self.finished and (end := self.received.find(b"\n")) >= 0:
            line, self.received = self.received[:end], self.received[end + 1 :]
            self.reply_lines.append(line[4:].strip())
            if line[3:4] == b"-":
                continue
            code, text = line[:3], b"\n".join(self.reply_lines)
            self.reply_lines = []
            self._handle_reply((int(code) if code.isdigit() else NO_REPLY_CODE, text))

    def _handle_reply(self, reply: Reply) -> None:
        if self.handed_over:
            self._handle_data_reply(reply)
        elif len(self.replies) == len(self.commands):
            self._handle_early_reply(reply)
        else:
            self.replies.append(reply)
            if len(self.replies) == len(self.commands):
                self._finish_group()

    def _finish_group(self) -> None:
        for command, reply in zip(self.commands, self.replies, strict=True):
            if not 200 <= reply[0] < 400:
                # A server that waits for the data of a refused message cannot be resynchronised.
                self._refuse(command, reply, lost=self.replies[-1][0] == START_DATA)
                return
        if self.pending:
            self._send_next_group()
        else:
            self._send_content()

    def _send_content(self) -> None:
        self._start_writing(self.content)

    def _handle_data_reply(self, reply: Reply) -> None:
        """Read the first digit (RFC 5321, 4.2.1); anything but 2, 4 or 5 leaves it uncertain."""
        if 200 <= reply[0] < 300:
            self.sent_count += 1
            self.needs_reset = False
            self._finish(SendResult(SendStatus.SENT))
        elif 400 <= reply[0] < 600:
            self._refuse(b"DATA", reply)
        else:
            raise smtplib.SMTPServerDisconnected("the reply neither accepts nor refuses")

    def _handle_early_reply(self, reply: Reply) -> None:
        """Handle a reply before the end of the data: the server cannot have the message."""
        if reply[0] < 400:
            raise smtplib.SMTPServerDisconnected("the server replied out of order")
        self._refuse(b"DATA", reply, lost=True)

    def _refuse(self, command: bytes, reply: Reply, *, lost: bool = False) -> None:
        code, text = reply
        error: smtplib.SMTPException = smtplib.SMTPDataError(code, text)
        if command.startswith(b"MAIL"):
            error = smtplib.SMTPSenderRefused(code, text, "")
        elif command.startswith(b"RCPT"):
            recipient = command.decode("ascii").partition("<")[2].rstrip(">")
            error = smtplib.SMTPRecipientsRefused({recipient: (code, text)})
        self.needs_reset = True
        closing = code == CLOSING
        outcome = errors.classify_error(error, handed_over=False)
        self._finish(
            replace(
                outcome, connection_lost=lost or closing, retry_now=closing and self.sent_count > 0
            )
        )

    def _failure(self, error: Exception) -> SendResult:
        outcome = errors.classify_error(error, handed_over=self.handed_over)
        # A server that closes between two messages has not refused the second.
        stale = outcome.status == SendStatus.RETRY and self.sent_count > 0
        if self.connection is not None:
            self.connection.close()
            self.connection = None
        return replace(outcome, connection_lost=True, retry_now=stale)

    def _finish(self, outcome: SendResult) -> None:
        self.outcome, self.finished = outcome, True
        self.content, self.unsent = b"", memoryview(b"")


@lru_cache(maxsize=256)
def address(text: str) -> str:
    """Return an address for the envelope: no name, domain in ASCII, in angle brackets."""
    if PLAIN_ADDRESS.fullmatch(text):
        return f"<{text}>"
    return smtplib.quoteaddr(sanitize_address(text, "utf-8"))
