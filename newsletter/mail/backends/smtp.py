"""An SMTP client that many messages share: begun, continued and finished without waiting.

Django's backend connects, upgrades and logs in; then a message is a short conversation that
``begin`` opens and ``go_on`` continues whenever the server has answered, so that one thread
keeps several connections busy. Commands are grouped where the server offers PIPELINING
(RFC 2920). Whatever happens, ``outcome`` knows how far the message got: once the final dot is
written and until its answer is read, the server may or may not have it (RFC 5321, 4.5.3.2.6).
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
from newsletter.mail.mime import RepeatableMessage, stuffed

CONNECT_TIMEOUT: Final = 10.0
AFTER_DOT_TIMEOUT: Final = 600.0
CLOSING: Final = 421
GO_ON: Final = 354
NONSENSE: Final = -1  # As smtplib calls a reply that is none.
# Most addresses need nothing done to them.
PLAIN_ADDRESS: Final = re.compile(
    r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@[a-z0-9-]+(?:\.[a-z0-9-]+)+"
)

READ_SIZE: Final = 65_536
WOULD_WAIT: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

Reply = tuple[int, bytes]


class EmailBackend(smtp.EmailBackend):
    """One kept connection. ``send_messages`` works as in Django, one message after another."""

    outcome: SendResult
    deadline: float = 0.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.carried = 0
        self.content = b""
        self.handed_over = False
        self.needs_reset = False
        self.finished = True
        self.ahead: list[list[bytes]] = []
        self.said: list[bytes] = []
        self.heard: list[Reply] = []
        self.unsent = memoryview(b"")
        self.unread = b""
        self.words: list[bytes] = []

    @property
    def patience(self) -> float:
        return float(self.timeout or 60)

    @property
    def client(self) -> smtplib.SMTP:
        if self.connection is None:
            raise smtplib.SMTPServerDisconnected("the connection is closed")
        return self.connection

    @property
    def socket(self) -> socket.socket:
        return cast(socket.socket, self.client.sock)

    def open(self) -> bool | None:
        """Connect within CONNECT_TIMEOUT; later commands get EMAIL_TIMEOUT each."""
        patience, self.timeout = self.timeout, min(self.timeout or 60, CONNECT_TIMEOUT)
        try:
            opened = super().open()
        finally:
            self.timeout = patience
        if opened:
            self.client.ehlo_or_helo_if_needed()
            self.socket.settimeout(self.patience)
        return opened

    def fileno(self) -> int:
        """For a selector; -1 when it is closed."""
        sock = self.connection.sock if self.connection is not None else None
        return sock.fileno() if sock is not None else -1

    @property
    def wants_to_write(self) -> bool:
        """Whether ``go_on`` has something to do as soon as the server takes more."""
        return bool(self.unsent)

    @property
    def is_overdue(self) -> bool:
        """Whether ``go_on`` has something to do although the server is silent."""
        return time.monotonic() > self.deadline

    def begin(self, message: AnymailMessage) -> None:
        """Open the conversation about one message. Never raises: ``outcome`` tells."""
        self.finished, self.handed_over = False, False
        try:
            if self.socket.gettimeout():
                self.socket.settimeout(0)
            self.content = content(message)
            commands = self._envelope(message)
            self.ahead = (
                [commands]
                if self.client.has_extn("pipelining")
                else [[command] for command in commands]
            )
            self._say_next()
        except Exception as error:  # noqa: BLE001 - errors sorts it
            self._end(self._of(error))

    def go_on(self) -> bool:
        """Read what was answered and say what comes next; whether the message is done with."""
        try:
            self._listen()
            if self.unsent:
                self._write()
            if not self.finished and self.is_overdue:
                raise TimeoutError("timed out")
        except Exception as error:  # noqa: BLE001 - errors sorts it
            self._end(self._of(error))
        return self.finished

    def close(self) -> None:
        """Say goodbye, or just hang up when a message was cut off."""
        if self.connection is not None and not self.finished:
            self.connection.close()
            self.connection = None
        self._wait_again()
        super().close()

    def _send(self, email_message: Any) -> bool:
        self._wait_again()
        return bool(super()._send(email_message))  # type: ignore[misc]  # Not in the stubs.

    def _wait_again(self) -> None:
        """For whoever does not know about conversations."""
        if self.connection is not None and self.connection.sock is not None:
            self.connection.sock.settimeout(self.patience)

    def _envelope(self, message: AnymailMessage) -> list[bytes]:
        body = " BODY=8BITMIME" if self.client.has_extn("8bitmime") else ""
        sender = address(message.from_email or "")
        [recipient] = [address(one) for one in message.recipients()]
        reset = ["RSET"] if self.needs_reset else []
        lines = [*reset, f"MAIL FROM:{sender}{body}", f"RCPT TO:{recipient}", "DATA"]
        return [line.encode("ascii") for line in lines]

    def _say_next(self) -> None:
        self.said, self.heard = self.ahead.pop(0), []
        self._say(b"\r\n".join(self.said) + b"\r\n")

    def _say(self, text: bytes) -> None:
        self.deadline = time.monotonic() + self.patience
        self.unsent = memoryview(text)
        self._write()

    def _write(self) -> None:
        """Write as much as the server takes now."""
        try:
            while self.unsent:
                self.unsent = self.unsent[self.socket.send(self.unsent) :]
                self.deadline = time.monotonic() + self.patience
        except WOULD_WAIT:
            return
        except OSError:
            self._listen()  # What it said before it hung up counts.
            if not self.finished:
                raise
            return
        if self.unsent.obj is self.content:
            self.handed_over = True
            self.deadline = time.monotonic() + AFTER_DOT_TIMEOUT

    def _listen(self) -> None:
        """Read what has come; behind what TLS has decrypted there may be more."""
        more = True
        while more and not self.finished:
            try:
                come = self.socket.recv(READ_SIZE)
            except WOULD_WAIT:
                return
            if not come:
                raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")
            self.unread += come
            if len(self.unread) > READ_SIZE:
                raise smtplib.SMTPServerDisconnected("a reply without an end")
            more = isinstance(self.client.sock, ssl.SSLSocket)
            self._hear()

    def _hear(self) -> None:
        """Take every reply that is complete. To a group of commands there are as many."""
        while not self.finished and (end := self.unread.find(b"\n")) >= 0:
            line, self.unread = self.unread[:end], self.unread[end + 1 :]
            self.words.append(line[4:].strip())
            if line[3:4] == b"-":
                continue
            code, text = line[:3], b"\n".join(self.words)
            self.words = []
            self._take((int(code) if code.isdigit() else NONSENSE, text))

    def _take(self, reply: Reply) -> None:
        if self.handed_over:
            self._finish_data(reply)
        elif len(self.heard) == len(self.said):
            self._interrupt(reply)
        else:
            self.heard.append(reply)
            if len(self.heard) == len(self.said):
                self._answer_to_all()

    def _answer_to_all(self) -> None:
        for command, reply in zip(self.said, self.heard, strict=True):
            if not 200 <= reply[0] < 400:
                # A server that wants the data of a refused message is not told where it ends.
                self._refuse(command, reply, lost=self.heard[-1][0] == GO_ON)
                return
        if self.ahead:
            self._say_next()
        else:
            self._say_content()

    def _say_content(self) -> None:
        self._say(self.content)

    def _finish_data(self, reply: Reply) -> None:
        """The first digit decides (RFC 5321, 4.2.1); what is no answer leaves the doubt."""
        if 200 <= reply[0] < 300:
            self.carried += 1
            self.needs_reset = False
            self._end(SendResult(SendStatus.SENT))
        elif 400 <= reply[0] < 600:
            self._refuse(b"DATA", reply)
        else:
            raise smtplib.SMTPServerDisconnected("the answer is neither a yes nor a no")

    def _interrupt(self, reply: Reply) -> None:
        """The server answers before the end of the message, so it has not got it."""
        if reply[0] < 400:
            raise smtplib.SMTPServerDisconnected("the server answered out of turn")
        self._refuse(b"DATA", reply, lost=True)

    def _refuse(self, command: bytes, reply: Reply, *, lost: bool = False) -> None:
        code, text = reply
        error: smtplib.SMTPException = smtplib.SMTPDataError(code, text)
        if command.startswith(b"MAIL"):
            error = smtplib.SMTPSenderRefused(code, text, "")
        elif command.startswith(b"RCPT"):
            error = smtplib.SMTPRecipientsRefused({"": (code, text)})
        self.needs_reset = True
        closing = code == CLOSING
        outcome = errors.classify_error(error, handed_over=False)
        self._end(
            replace(
                outcome, connection_lost=lost or closing, retry_now=closing and self.carried > 0
            )
        )

    def _of(self, error: Exception) -> SendResult:
        outcome = errors.classify_error(error, handed_over=self.handed_over)
        # A server that hangs up between two messages has nothing against the second.
        stale = outcome.status == SendStatus.RETRY and self.carried > 0
        if self.connection is not None:
            self.connection.close()
            self.connection = None
        return replace(outcome, connection_lost=True, retry_now=stale)

    def _end(self, outcome: SendResult) -> None:
        self.outcome, self.finished = outcome, True
        self.content, self.unsent = b"", memoryview(b"")


def content(message: AnymailMessage) -> bytes:
    """The message as DATA carries it: CRLF, leading dots doubled, the final dot (RFC 5321)."""
    if isinstance(message, RepeatableMessage):
        return message.data()
    return stuffed(message.message().as_bytes(linesep="\r\n"))


@lru_cache(maxsize=256)
def address(text: str) -> str:
    """An address for the envelope: no name, its domain in ASCII, in angle brackets."""
    if PLAIN_ADDRESS.fullmatch(text):
        return f"<{text}>"
    return smtplib.quoteaddr(sanitize_address(text, "utf-8"))
