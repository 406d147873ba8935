"""Text as a mail carries it: UTF-8 bytes whose lines end with CRLF (RFC 5321, RFC 6152)."""

from __future__ import annotations

from typing import NamedTuple


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
