"""Decompression that stops before a small answer becomes a large one."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

SIZE: Final = 10 * 1024 * 1024
"""Bytes of a decompressed answer."""
RATIO: Final = 100
RATIO_FREE_SIZE: Final = 64 * 1024
"""Bytes from which the ratio counts; a short answer may well be all spaces."""
PIECE_SIZE: Final = 64 * 1024
WINDOWS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class TooLargeError(Exception):
    """The answer has more than SIZE bytes, or RATIO times as many as were sent."""


class Inflater:
    """Decoder of a content coding, piece by piece.

    Raises ValueError for an unknown coding and for damaged data.
    """

    def __init__(self, coding: str) -> None:
        coding = coding.strip().lower()
        if coding not in {"", "identity", *WINDOWS}:
            raise ValueError(f"the content coding {coding!r} is unknown")
        self._window = WINDOWS.get(coding, 0)
        self._stream = zlib.decompressobj(self._window) if self._window else None
        self._sent = 0
        self._made = 0

    def feed(self, raw: bytes) -> Iterator[bytes]:
        """Yield the decoded form of a piece of the body, in pieces. Raises TooLargeError."""
        self._sent += len(raw)
        while raw:
            if self._stream is None:
                piece, raw = raw, b""
            else:
                piece, raw = self._inflate(raw)
            self._made += len(piece)
            if self._made > SIZE or self._made > max(self._sent * RATIO, RATIO_FREE_SIZE):
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
            piece = stream.decompress(raw, PIECE_SIZE)
        except zlib.error as error:
            if self._window == 15 and not self._made:
                # "deflate" without its zlib header, as some servers send it.
                self._window = -15
                self._stream = zlib.decompressobj(self._window)
                return self._inflate(raw)
            raise ValueError("its compression is broken") from error
        return piece, stream.unconsumed_tail or stream.unused_data
