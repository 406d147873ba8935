"""Reading of saved files, gzipped or not."""

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
    """A file cannot be read; the message is one sentence for the operator."""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raise UnreadableError for any error while the file is opened and read."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UnreadableError(f"{path} is a damaged gzip file; save it again.") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UnreadableError(f"{path} cannot be read: {reason}.") from error


def unpacked(file: BufferedReader) -> BufferedReader | gzip.GzipFile:
    """Return the file decompressed if its first bytes are those of gzip."""
    return gzip.GzipFile(fileobj=file) if file.peek(2).startswith(GZIP) else file
