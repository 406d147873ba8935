"""Saved files, gzipped or not, and one sentence when one cannot be read."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Final

GZIP: Final = b"\x1f\x8b"


class UnreadableError(Exception):
    """A file cannot be read; the message is one sentence for people."""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turns whatever goes wrong while the file is opened and read into an UnreadableError."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UnreadableError(f"{path} is a damaged gzip file; save it again.") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UnreadableError(f"{path} cannot be read: {reason}.") from error


def unpacked(file: BufferedReader) -> BufferedReader | gzip.GzipFile:
    """The file as it was before it was gzipped, if it was; its first bytes tell."""
    return gzip.GzipFile(fileobj=file) if file.peek(2).startswith(GZIP) else file
