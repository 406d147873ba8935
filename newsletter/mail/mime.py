"""Messages as bytes: the output of Django and Python's email package, in less time.

A digest has one shape: a text part and an HTML part for one recipient, both of which exist as
bytes already. ``EncodedMessage`` joins those bytes itself; any other shape is written by Django's
``message()``. A test holds both ways to the same bytes.
"""

from __future__ import annotations

import quopri
from collections.abc import Iterator
from email import base64mime, quoprimime
from email.charset import Charset
from email.header import Header
from email.message import Message
from email.policy import compat32
from email.utils import formataddr, getaddresses
from functools import lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import idna
from anymail.message import AnymailMessage
from django.core.mail.message import (
    ADDRESS_HEADERS,
    EmailAlternative,
    forbid_multi_line_headers,
    sanitize_address,
)
from django.utils.encoding import iri_to_uri

LINE_LIMIT: Final = 998  # Characters without CRLF (RFC 5322, section 2.1.1).
ENCODED_WORD_LIMIT: Final = 75  # Characters (RFC 2047, section 2).
ENCODED_WORD_FRAME: Final = len("=?utf-8?q??=")
CRLF: Final = "\r\n"
FINAL_DOT: Final = b".\r\n"


class EncodedText(NamedTuple):
    """A piece of a message body: UTF-8 with CRLF line ends.

    ``needs_stuffing`` is false only where no line begins, or could begin, with a dot, so that
    nothing has to be doubled on the way (RFC 5321, section 4.5.2).
    """

    content: bytes
    needs_stuffing: bool

    @property
    def text(self) -> str:
        """The text with line feeds as line ends."""
        return self.content.decode().replace("\r\n", "\n")


def encode_text(text: str) -> EncodedText:
    """Return the text, with whatever line ends, as a piece of a message body."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    content = text.replace("\n", "\r\n").encode()
    return EncodedText(content, content.startswith(b".") or b"\n." in content)


class RepeatableMessage(AnymailMessage):  # type: ignore[misc]  # Anymail is untyped.
    """A message that is the same bytes each time: its boundary is given, its headers not folded.

    ``return_path`` is the envelope sender of SMTP (RFC 5321) where it is not that of ``From``.
    """

    boundary: str
    return_path: str = ""

    def message(self) -> Message:
        """Return the MIME message."""
        message: Message = super().message()
        message.policy = compat32.clone(max_line_length=LINE_LIMIT)
        message.set_boundary(self.boundary)
        given = {
            "subject": ("Subject", self.subject),
            "from": ("From", self.from_email),
            "to": ("To", ", ".join(self.to)),
        }
        given |= {name.lower(): (name, str(text)) for name, text in self.extra_headers.items()}
        for name in message:
            _, text = given.get(name.lower(), ("", ""))
            if not text.isascii():  # Django's encoded words may be a character too long.
                message.replace_header(name, encode_header(name, text))
        return message

    def wire_bytes(self) -> bytes:
        """Return ``message()`` as bytes with CRLF line ends (RFC 5321)."""
        general: Any = self.message()
        written: bytes = general.as_bytes(linesep=CRLF)
        return written

    def smtp_data(self) -> bytes:
        """Return the content of the DATA command: dots doubled, with the final dot."""
        return stuff_dots(self.wire_bytes())


class EncodedMessage(RepeatableMessage):
    """A message whose text and HTML parts exist as bytes.

    ``body`` and ``alternatives`` are decoded from them on demand. Assigning to either, or setting
    any other field that a digest does not use, makes Django write the message.
    """

    def __init__(
        self,
        subject: str,
        sender: str,
        to: str,
        headers: dict[str, str],
        *,
        text: EncodedText,
        html: EncodedText,
    ) -> None:
        super().__init__(subject, "", sender, [to], headers=headers)
        self.encoded_parts = (text, html)
        self._body: str | None = None
        self._alternatives: list[EmailAlternative] | None = None

    @property
    def body(self) -> str:
        """The text part."""
        return self.encoded_parts[0].text if self._body is None else self._body

    @body.setter
    def body(self, text: str) -> None:
        self._body = text

    @property
    def alternatives(self) -> list[EmailAlternative]:
        """The HTML part, as Django keeps it."""
        if self._alternatives is None:
            self._alternatives = [EmailAlternative(self.encoded_parts[1].text, "text/html")]
        return self._alternatives

    @alternatives.setter
    def alternatives(self, alternatives: list[EmailAlternative]) -> None:
        self._alternatives = alternatives

    def wire_bytes(self) -> bytes:
        """Return the message as bytes with CRLF line ends (RFC 5321)."""
        return self.join_parts() or super().wire_bytes()

    def smtp_data(self) -> bytes:
        """Return the content of the DATA command: dots doubled, with the final dot."""
        written = self.join_parts()
        if written is None or any(part.needs_stuffing for part in self.encoded_parts):
            return stuff_dots(written or super().wire_bytes())
        return written + FINAL_DOT

    def join_parts(self) -> bytes | None:
        """Return headers and parts joined; None where Django has to write the message."""
        if not self.has_digest_shape():
            return None
        text, html = self.encoded_parts
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

    def has_digest_shape(self) -> bool:
        """Return whether there are the two parts, one recipient, and only headers set by us."""
        unusual = (self.cc, self.bcc, self.reply_to, self.attachments, self.encoding)
        names = {name.lower() for name in self.extra_headers}
        return (
            self._body is None
            and self._alternatives is None
            and not any(unusual)
            and len(self.to) == 1
            and names >= {"date", "message-id"}
            and not names & {"from", "to", "cc", "content-type", "subject"}
        )


def header(name: str, value: str) -> str:
    """Return one header line, folded only between encoded words.

    Raises:
        BadHeaderError: The value holds a line break.
    """
    if name in {"To", "Message-ID", "Date", "List-Unsubscribe"}:
        return _header_line(name, value)
    return _shared_header_line(name, value)


def _header_line(name: str, value: str) -> str:
    return f"{name}: {encode_header(name, value)}".replace("\n", CRLF)


# The mails of a run share most header lines, which are encoded once.
_shared_header_line = lru_cache(maxsize=1024)(_header_line)


def encode_header(name: str, value: str) -> str:
    """Return a header value in ASCII, its encoded words at most 75 characters (RFC 2047).

    Raises:
        BadHeaderError: The value holds a line break.
    """
    if value.isascii() or "\n" in value or "\r" in value:
        return str(forbid_multi_line_headers(name, value, "utf-8")[1])
    if name.lower() not in ADDRESS_HEADERS:
        return _encoded_words(name, value)
    found = getaddresses([value])
    return ", ".join(_encode_address(name, display, address) for display, address in found)


def _encode_address(header_name: str, display: str, address: str) -> str:
    """Return ``display <address>`` in ASCII; the domain is in A-labels (RFC 5890)."""
    plain = sanitize_address(address, "utf-8")
    if display.isascii():
        return formataddr((display, plain))
    return f"{_encoded_words(header_name, display)} <{plain}>"


def _encoded_words(header_name: str, text: str) -> str:
    encoded = Header(text, UTF8, maxlinelen=ENCODED_WORD_LIMIT, header_name=header_name)
    return encoded.encode()


class LinearCharset(Charset):
    """UTF-8 with the encoded words of ``Charset``, whose time grows with the square of the text."""

    def header_encode_lines(self, string: str, maxlengths: Iterator[int]) -> list[str | None]:
        """Return the string as encoded words (RFC 2047), each as long as its line allows."""
        whole = string.encode()
        if base64mime.header_length(whole) < quoprimime.header_length(whole):
            return super().header_encode_lines(string, maxlengths)
        lines: list[str | None] = []
        start = length = 0
        room = next(maxlengths) - ENCODED_WORD_FRAME
        for end, character in enumerate(string):
            size = quoprimime.header_length(character.encode())
            if length + size > room:
                fits = start < end or bool(lines)
                lines.append(self._encoded_word(string[start:end]) if fits else None)
                start, length, room = end, 0, next(maxlengths) - ENCODED_WORD_FRAME
            length += size
        return [*lines, self._encoded_word(string[start:])]

    def _encoded_word(self, text: str) -> str:
        return quoprimime.header_encode(text.encode(), "utf-8")


UTF8: Final = LinearCharset("utf-8")


@lru_cache(maxsize=256)
def ascii_host(url: str) -> str:
    """Return an address of the web with its host in A-labels (RFC 5890)."""
    if url.isascii():
        return url
    parts = urlsplit(url)
    host = idna.encode(parts.hostname or "", uts46=True).decode("ascii")
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit((parts.scheme, f"{host}{port}", *map(iri_to_uri, parts[2:])))


def part_head(subtype: str, content: bytes) -> bytes:
    """Return the headers of a text part that is sent unencoded, and the empty line after them."""
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
    """Return whether a line exceeds RFC 5322's limit; looks at one line end in 998 bytes."""
    start = 0
    while len(content) - start > LINE_LIMIT:
        end = content.rfind(b"\n", start, start + LINE_LIMIT + 2)
        if end < 0:
            return True
        start = end + 1
    return False


def stuff_dots(written: bytes) -> bytes:
    """Return the content of DATA: leading dots doubled, with the final dot (RFC 5321, 4.5.2)."""
    if b"\r\n." in written:
        written = written.replace(b"\r\n.", b"\r\n..")
    return written + (FINAL_DOT if written.endswith(b"\r\n") else b"\r\n.\r\n")


def seven_bit_data(message: AnymailMessage) -> bytes:
    """Return the content of DATA for a server without 8BITMIME (RFC 6152).

    Parts that would be sent as 8 bits are encoded as quoted-printable (RFC 2045, section 6.7).
    """
    general: Any = message.message()
    for part in general.walk():
        if str(part.get("Content-Transfer-Encoding", "")).lower() == "8bit":
            decoded: bytes = part.get_payload(decode=True)
            part.replace_header("Content-Transfer-Encoding", "quoted-printable")
            # Message keeps the payload; Django's set_payload would choose an encoding again.
            Message.set_payload(part, quopri.encodestring(decoded).decode("ascii"))
    return stuff_dots(general.as_bytes(linesep=CRLF))


def wire_bytes(message: AnymailMessage) -> bytes:
    """Return any message as bytes with CRLF line ends (RFC 5321)."""
    if isinstance(message, RepeatableMessage):
        return message.wire_bytes()
    general: Any = message.message()
    written: bytes = general.as_bytes(linesep=CRLF)
    return written


def smtp_data(message: AnymailMessage, *, eight_bit: bool) -> bytes:
    """Return the content of the DATA command; ``eight_bit`` where the server offers 8BITMIME."""
    if not eight_bit:
        return seven_bit_data(message)
    if isinstance(message, RepeatableMessage):
        return message.smtp_data()
    return stuff_dots(wire_bytes(message))
