"""Messages as bytes: the same that Django and Python's email package write, sooner.

A digest has one shape: a text part and an HTML part for one reader. For that shape ``wire`` joins
the bytes itself; anything else, and any header that would need folding, takes the general road.
A test holds the two roads to the same bytes.
"""

from __future__ import annotations

from email.message import Message
from email.policy import compat32
from functools import lru_cache
from typing import Any, Final

from anymail.message import AnymailMessage
from django.core.mail.message import forbid_multi_line_headers

LINE_LIMIT: Final = 998  # RFC 5322, section 2.1.1
CRLF: Final = "\r\n"


class RepeatableMessage(AnymailMessage):  # type: ignore[misc]  # Anymail is untyped.
    """A message whose MIME boundary is chosen by us and whose headers are never folded."""

    boundary: str

    def message(self) -> Message:
        """The MIME message, the same bytes each time."""
        message: Message = super().message()
        message.policy = compat32.clone(max_line_length=LINE_LIMIT)
        message.set_boundary(self.boundary)
        return message

    def wire(self) -> bytes:
        """``message()`` as bytes with CRLF line ends (RFC 5321)."""
        quick = self._quickly() if self._is_usual() else None
        if quick is not None:
            return quick
        general: Any = self.message()
        written: bytes = general.as_bytes(linesep=CRLF)
        return written

    def _is_usual(self) -> bool:
        """Whether this is two parts for one reader, and all its headers are set by us."""
        unusual = (self.cc, self.bcc, self.reply_to, self.attachments, self.encoding)
        names = {name.lower() for name in self.extra_headers}
        return (
            not any(unusual)
            and len(self.to) == 1
            and [kind for _, kind in self.alternatives] == ["text/html"]
            and names >= {"date", "message-id"}
            and not names & {"from", "to", "cc", "reply-to", "content-type", "subject"}
        )

    def _quickly(self) -> bytes | None:
        """The bytes, or None when a line is too long to be left as it is."""
        [[html, _]] = self.alternatives
        headers = {"Subject": self.subject, "From": self.from_email, "To": self.to[0]}
        head = [
            f'Content-Type: multipart/alternative; boundary="{self.boundary}"',
            "MIME-Version: 1.0",
            *(header(name, value) for name, value in headers.items()),
            *(header(name, str(value)) for name, value in self.extra_headers.items()),
            "",
        ]
        parts = [part("plain", self.body), part("html", html)]
        border = f"--{self.boundary}".encode("ascii")
        lines = [CRLF.join(head).encode("ascii")]
        for written in parts:
            if written is None:
                return None
            lines += [border, written]
        if max(map(len, head)) > LINE_LIMIT:
            return None
        return b"\r\n".join([*lines, border + b"--", b""])


def header(name: str, value: str) -> str:
    """One header line, folded only where an encoded word ends. Raises BadHeaderError."""
    if name in {"To", "Message-ID", "Date", "List-Unsubscribe"}:
        return _header(name, value)
    return _repeated_header(name, value)


def _header(name: str, value: str) -> str:
    _, encoded = forbid_multi_line_headers(name, value, "utf-8")
    return f"{name}: {encoded}".replace("\n", CRLF)


# What the mails of a run share is encoded once.
_repeated_header = lru_cache(maxsize=1024)(_header)


def part(subtype: str, text: str) -> bytes | None:
    """A text part as it is, in UTF-8; None when one of its lines is too long for that."""
    if "\r" in text:
        text = text.replace(CRLF, "\n").replace("\r", "\n")
    content = text.encode()
    if max(map(len, content.split(b"\n"))) > LINE_LIMIT:
        return None
    encoding = "7bit" if text.isascii() else "8bit"
    head = (
        f'Content-Type: text/{subtype}; charset="utf-8"\r\nMIME-Version: 1.0\r\n'
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n"
    )
    return head.encode("ascii") + content.replace(b"\n", b"\r\n")
