"""CSV files (RFC 4180) that people open in spreadsheet programs, where a cell may run as code.

A cell that starts like a formula is written with an apostrophe before it, and one read back
loses it again, so that what goes out comes in unchanged.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")
NEUTRALISED: Final = re.compile(r"'+[=+\-@\t\r]")
DELIMITERS: Final = ",;\t"


class SpreadsheetError(ValueError):
    """A file that cannot be read at all; the message is one sentence."""


class Row(NamedTuple):
    """One line of a file: where it starts, its cells by column, and what is wrong with it."""

    line: int
    cells: dict[str, str]
    problem: str = ""


class Table(NamedTuple):
    """A file's columns, in lower case, and its rows, read one by one."""

    columns: list[str]
    rows: Iterator[Row]
    lines: int


def neutralised(cell: str) -> str:
    """The cell as no spreadsheet program will run it."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def restored(cell: str) -> str:
    """The cell as it was before ``neutralised``."""
    return cell[1:] if NEUTRALISED.match(cell) else cell


def read(path: Path) -> Table:
    """The table in a file: UTF-8, with a line of column names. Raises SpreadsheetError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SpreadsheetError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SpreadsheetError(f"{path} is not UTF-8 text; save it as CSV UTF-8.") from error
    header = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        columns = [name.strip().lower() for name in next(reader, [])]
    except csv.Error as error:
        raise SpreadsheetError(f"{path} is not a CSV file: {error}.") from error
    if len(set(columns)) < len(columns):
        raise SpreadsheetError(f"{path} names a column twice; every column needs its own name.")
    return Table(columns, _rows(reader, columns), text.count("\n"))


def _rows(reader: Iterator[list[str]], columns: list[str]) -> Iterator[Row]:
    """Every row that is not blank; one that cannot be read does not stop the others."""
    while True:
        line = reader.line_num + 1  # type: ignore[attr-defined]
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(line, {}, f"It is not CSV: {error}.")
            continue
        if len(cells) > len(columns):
            yield Row(
                line, {}, f"It has {len(cells)} cells and the first line names {len(columns)}."
            )
        elif any(cell.strip() for cell in cells):
            yield Row(line, dict(zip(columns, cells, strict=False)))
