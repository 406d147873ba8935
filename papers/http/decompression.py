"""Decompression that stops before a small answer becomes a large one."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

SIZE: Final = 10 * 1024 * 1024
RATIO: Final = 100
# Short answers may well be all spaces; the ratio counts from here on.
RATIO_SLACK: Final = 64 * 1024
PIECE: Final = 64 * 1024
WINDOWS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class TooLargeError(Exception):
    """More than SIZE bytes, or more than RATIO times what was sent."""


class Inflater:
    """Decodes a content coding piece by piece. Raises ValueError for a coding it does not know
    and for damaged data."""

    def __init__(self, coding: str) -> None:
        coding = coding.strip().lower()
        if coding not in {"", "identity", *WINDOWS}:
            raise ValueError(f"the content coding {coding!r} is unknown")
        self._window = WINDOWS.get(coding, 0)
        self._stream = zlib.decompressobj(self._window) if self._window else None
        self._sent = 0
        self._made = 0

    def feed(self, raw: bytes) -> Iterator[bytes]:
        """What a piece of the body decodes to, in pieces. Raises TooLargeError."""
        self._sent += len(raw)
        while raw:
            if self._stream is None:
                piece, raw = raw, b""
            else:
                piece, raw = self._inflate(raw)
            self._made += len(piece)
            if self._made > SIZE or self._made > max(self._sent * RATIO, RATIO_SLACK):
                raise TooLargeError
            yield piece

    def finish(self) -> None:
        """Raise EOFError when the data ended before their end."""
        if self._stream is not None and self._sent and not self._stream.eof:
            raise EOFError

    def _inflate(self, raw: bytes) -> tuple[bytes, bytes]:
        stream = self._stream
        if stream is None:
            return raw, b""
        if stream.eof:
            stream = self._stream = zlib.decompressobj(self._window)
        try:
            piece = stream.decompress(raw, PIECE)
        except zlib.error as error:
            if self._window == 15 and not self._made:
                # "deflate" without its wrapper, as some servers understand the word.
                self._window = -15
                self._stream = zlib.decompressobj(self._window)
                return self._inflate(raw)
            raise ValueError("its compression is broken") from error
        return piece, stream.unconsumed_tail or stream.unused_data
