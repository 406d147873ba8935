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
UNFINISHED: Final = "unexpected end of data"


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
    lines = list(io.StringIO(text, newline=""))
    delimiter = max(DELIMITERS, key=lines[0].count) if lines else ","
    header = _parsed(lines, 0, delimiter) if lines else Parsed([])
    columns = [name.strip().lower() for name in header.cells]
    if header.problem or header.lines > 1:
        problem = header.problem or _unclosed(1)
        raise SpreadsheetError(f"{path} has no line of column names. {problem}")
    if len(set(columns)) < len(columns):
        raise SpreadsheetError(f"{path} names a column twice; every column needs its own name.")
    return Table(columns, _rows(lines, columns, delimiter), text.count("\n"))


class Parsed(NamedTuple):
    """The cells of a row, over how many lines it goes, and why it is none."""

    cells: list[str]
    lines: int = 1
    problem: str = ""


def _rows(lines: list[str], columns: list[str], delimiter: str) -> Iterator[Row]:
    """Every row that is not blank; one that cannot be read does not stop the others."""
    at = 1
    while at < len(lines):
        number, row = at + 1, _parsed(lines, at, delimiter)
        # No column is for a text of several lines, so that a quotation mark went astray. Only what
        # is a whole row for all that is left out as a whole; else the next line is the next row.
        at += row.lines if len(row.cells) == len(columns) else 1
        problem = row.problem or (_unclosed(number) if row.lines > 1 else "")
        if not problem and len(row.cells) > len(columns):
            problem = f"It has {len(row.cells)} cells and the first line names {len(columns)}."
        if problem:
            yield Row(number, {}, problem)
        elif any(cell.strip() for cell in row.cells):
            yield Row(number, dict(zip(columns, row.cells, strict=False)))


def _parsed(lines: list[str], start: int, delimiter: str) -> Parsed:
    """The row that begins with that line, by the letter of RFC 4180."""
    rest = (lines[number] for number in range(start, len(lines)))
    reader = csv.reader(rest, delimiter=delimiter, strict=True)
    try:
        return Parsed(next(reader), reader.line_num)
    except csv.Error as error:
        unclosed = reader.line_num > 1 or str(error) == UNFINISHED
        return Parsed([], problem=_unclosed(start + 1) if unclosed else f"It is not CSV: {error}.")


def _unclosed(line: int) -> str:
    return f"A quotation mark in line {line} is not closed."
