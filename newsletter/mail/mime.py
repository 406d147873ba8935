"""Messages as bytes: the same that Django and Python's email package write, sooner.

A digest has one shape: a text part and an HTML part for one reader, and both are printed as bytes
to begin with. For that shape ``wire`` joins the bytes itself; anything else takes the general road.
A test holds the two roads to the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from email import base64mime, quoprimime
from email.charset import Charset
from email.header import Header
from email.message import Message
from email.policy import compat32
from functools import lru_cache
from typing import Any, Final, NamedTuple

from anymail.message import AnymailMessage
from django.core.mail.message import EmailAlternative, forbid_multi_line_headers

LINE_LIMIT: Final = 998  # RFC 5322, section 2.1.1
WORD_FRAME: Final = len("=?utf-8?q??=")
CRLF: Final = "\r\n"
DOT: Final = b".\r\n"


class Print(NamedTuple):
    """A piece of mail; ``dotted`` if one of its lines begins with a dot or could begin with it.

    Such lines need another dot on the way (RFC 5321, section 4.5.2). ``dotted`` may be true of a
    piece without one, never false of a piece with one.
    """

    content: bytes
    dotted: bool

    @property
    def text(self) -> str:
        return self.content.decode().replace("\r\n", "\n")


def printed(text: str) -> Print:
    """Text in whatever line ends, as a piece of mail."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    content = text.replace("\n", "\r\n").encode()
    return Print(content, content.startswith(b".") or b"\n." in content)


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
        general: Any = self.message()
        written: bytes = general.as_bytes(linesep=CRLF)
        return written

    def data(self) -> bytes:
        """``wire()`` as the DATA command carries it."""
        return stuffed(self.wire())


class PrintedMessage(RepeatableMessage):
    """A message whose two parts exist as bytes; ``body`` and ``alternatives`` are read from them.

    Whoever writes to those, or changes what else is unusual, gets the general road.
    """

    def __init__(
        self,
        subject: str,
        sender: str,
        to: str,
        headers: dict[str, str],
        *,
        text: Print,
        html: Print,
    ) -> None:
        super().__init__(subject, "", sender, [to], headers=headers)
        self.prints = (text, html)
        self._body: str | None = None
        self._alternatives: list[EmailAlternative] | None = None

    @property
    def body(self) -> str:
        return self.prints[0].text if self._body is None else self._body

    @body.setter
    def body(self, text: str) -> None:
        self._body = text

    @property
    def alternatives(self) -> list[EmailAlternative]:
        if self._alternatives is None:
            self._alternatives = [EmailAlternative(self.prints[1].text, "text/html")]
        return self._alternatives

    @alternatives.setter
    def alternatives(self, alternatives: list[EmailAlternative]) -> None:
        self._alternatives = alternatives

    def wire(self) -> bytes:
        return self._quickly() or super().wire()

    def data(self) -> bytes:
        written = self._quickly()
        if written is None or any(part.dotted for part in self.prints):
            return stuffed(written or super().wire())
        return written + DOT

    def _quickly(self) -> bytes | None:
        """The bytes, or None when this is unusual or a line is too long to be left as it is."""
        if not self._is_usual():
            return None
        text, html = self.prints
        border = f"--{self.boundary}"
        head = [
            f'Content-Type: multipart/alternative; boundary="{self.boundary}"',
            "MIME-Version: 1.0",
            header("Subject", self.subject),
            header("From", self.from_email),
            header("To", self.to[0]),
            *(header(name, str(value)) for name, value in self.extra_headers.items()),
            "",
            border,
        ]
        written = b"\r\n".join(
            [
                CRLF.join(head).encode("ascii"),
                part_head("plain", text.content),
                text.content,
                border.encode("ascii"),
                part_head("html", html.content),
                html.content,
                f"{border}--\r\n".encode("ascii"),
            ]
        )
        return None if has_long_line(written) else written

    def _is_usual(self) -> bool:
        """Whether these are the printed parts for one reader, with all headers set by us."""
        unusual = (self.cc, self.bcc, self.reply_to, self.attachments, self.encoding)
        names = {name.lower() for name in self.extra_headers}
        return (
            self._body is None
            and self._alternatives is None
            and not any(unusual)
            and len(self.to) == 1
            and names >= {"date", "message-id"}
            and not names & {"from", "to", "cc", "reply-to", "content-type", "subject"}
        )


def header(name: str, value: str) -> str:
    """One header line, folded only where an encoded word ends. Raises BadHeaderError."""
    if name in {"To", "Message-ID", "Date", "List-Unsubscribe"}:
        return _header(name, value)
    return _repeated_header(name, value)


def _header(name: str, value: str) -> str:
    if name == "Subject" and not value.isascii() and value.isprintable():
        encoded = Header(value, UTF8).encode()
    else:
        _, encoded = forbid_multi_line_headers(name, value, "utf-8")
    return f"{name}: {encoded}".replace("\n", CRLF)


class QuickCharset(Charset):
    """UTF-8 whose encoded words come out as ``Charset`` writes them, without its squared time."""

    def header_encode_lines(self, string: str, maxlengths: Iterator[int]) -> list[str | None]:
        """The string as encoded words (RFC 2047), each as long as its line allows."""
        whole = string.encode()
        if base64mime.header_length(whole) < quoprimime.header_length(whole):
            return super().header_encode_lines(string, maxlengths)
        lines: list[str | None] = []
        start = length = 0
        room = next(maxlengths) - WORD_FRAME
        for end, character in enumerate(string):
            size = quoprimime.header_length(character.encode())
            if length + size > room:
                fits = start < end or bool(lines)
                lines.append(self._word(string[start:end]) if fits else None)
                start, length, room = end, 0, next(maxlengths) - WORD_FRAME
            length += size
        return [*lines, self._word(string[start:])]

    def _word(self, text: str) -> str:
        return quoprimime.header_encode(text.encode(), "utf-8")


UTF8: Final = QuickCharset("utf-8")


# What the mails of a run share is encoded once.
_repeated_header = lru_cache(maxsize=1024)(_header)


def part_head(subtype: str, content: bytes) -> bytes:
    """The headers of a text part that is sent as it is, in UTF-8, and the empty line after them."""
    return PART_HEADS[subtype, content.isascii()]


PART_HEADS: Final = {
    (subtype, ascii_only): (
        f'Content-Type: text/{subtype}; charset="utf-8"\r\nMIME-Version: 1.0\r\n'
        f"Content-Transfer-Encoding: {'7bit' if ascii_only else '8bit'}\r\n"
    ).encode("ascii")
    for subtype in ("plain", "html")
    for ascii_only in (True, False)
}


def has_long_line(content: bytes) -> bool:
    """Whether a line is longer than RFC 5322 allows; looks at one line end in 998 bytes."""
    start = 0
    while len(content) - start > LINE_LIMIT:
        end = content.rfind(b"\n", start, start + LINE_LIMIT + 2)
        if end < 0:
            return True
        start = end + 1
    return False


def stuffed(written: bytes) -> bytes:
    """A message as DATA carries it: leading dots doubled, and the final dot (RFC 5321, 4.5.2)."""
    if b"\r\n." in written:
        written = written.replace(b"\r\n.", b"\r\n..")
    return written + (DOT if written.endswith(b"\r\n") else b"\r\n.\r\n")
