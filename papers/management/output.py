"""Where the commands write that give data out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from django.core.management.base import CommandError

UNWRITABLE: Final = 2
COUNTS: Final = (
    "The last line counts {counts}: on standard output with --out, else on standard error, as "
    "standard output is the data."
)


@contextmanager
def whole_file(path: Path, mode: int = 0o666) -> Iterator[TextIO]:
    """Open a file that gets its name once it is written whole. Raises CommandError.

    ``mode`` is what the umask leaves of its permissions. A pipe or a device is written as it is.
    """
    try:
        special = path.exists() and not path.is_file()
        unfinished = path if special else path.with_name(f"{path.name}.part")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with open(descriptor, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123
            yield file
        if not special:
            unfinished.replace(path)
    except OSError as error:
        sentence = f"{path} cannot be written: {error.strerror}."
        raise CommandError(sentence, returncode=UNWRITABLE) from error
