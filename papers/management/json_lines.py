"""Commands that read JSON Lines offline: lines of no use are named, the rest goes on."""

from __future__ import annotations

import math
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from papers.ingest import files
from papers.management.progress import bar
from papers.sources.jsonl import json_object
from papers.sources.record import RecordError

UNUSABLE: Final = 2
SURROGATE: Final = re.compile("[\ud800-\udfff]")
BOM: Final = b"\xef\xbb\xbf"


class RefusedLineError(Exception):
    """A line that cannot be used; the message is one sentence for people."""


class JsonLinesCommand(BaseCommand, ABC):
    """A command whose input is JSON Lines, gzipped or not.

    Subclasses implement ``run``. Exit status: 0 all lines used, 1 some refused, 2 bad arguments or
    a file that cannot be read or written.
    """

    @abstractmethod
    def run(self, options: dict[str, Any]) -> None:
        """Read, work, write and count. Raises UnreadableError."""

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the command; the exit status says whether lines were refused."""
        self.rejected = 0
        try:
            self.run(options)
            self.stdout.flush()
        except files.UnreadableError as error:
            raise CommandError(str(error), returncode=UNUSABLE) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            sentence = f"The answer cannot be written: {reason}."
            raise CommandError(sentence, returncode=UNUSABLE) from error
        if self.rejected:
            raise SystemExit(1)

    def objects(self, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the objects of a file with their line numbers. Raises UnreadableError."""
        for number, line in _lines(path):
            try:
                found = json_object(line)
            except RecordError as error:
                self.reject(path, number, RefusedLineError(f"This is no JSON object. {error}"))
            else:
                yield number, found

    def reject(self, path: Path, number: int, why: RefusedLineError) -> None:
        """Name a line that is of no use, and count it."""
        self.rejected += 1
        self.say(f"{path.name}, line {number}: {why}")

    def say(self, sentence: str) -> None:
        """Write a line to standard error, above the bar if there is one."""
        with tqdm.external_write_mode():
            self.stderr.write(sentence)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not empty, with a bar that goes by the bytes of the file."""
    with files.reading(path), path.open("rb") as file, _bar(path, file) as progress:
        for number, line in enumerate(files.unpacked(file), start=1):
            if file.seekable():
                progress.update(file.tell() - progress.n)
            if number == 1:
                line = line.removeprefix(BOM)  # noqa: PLW2901
            if line.strip():
                yield number, line


def _bar(path: Path, file: BufferedReader) -> tqdm[Any]:
    size = os.fstat(file.fileno()).st_size
    return bar(desc=path.name, total=size or None, unit="B", unit_scale=True, leave=False)


def is_name(value: object) -> bool:
    """Return whether a value can be the name of a user or of an item."""
    if isinstance(value, bool):
        return False
    return isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))


def require_whole(*values: object) -> None:
    """Raise RefusedLineError when a text holds half of a character, which no file can hold."""
    if any(isinstance(value, str) and SURROGATE.search(value) for value in values):
        raise RefusedLineError(
            "It escapes half of a character, one of \\ud800 to \\udfff; write whole characters."
        )
