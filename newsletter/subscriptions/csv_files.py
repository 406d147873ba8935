"""CSV files (RFC 4180) that people open in spreadsheet programs, where a cell may run as code.

A cell that starts like a formula is written with an apostrophe before it, and one read back
loses it again, so that what goes out comes in unchanged. Files are read line by line: their size
does not matter to the memory.
"""

from __future__ import annotations

import codecs
import csv
import re
import stat
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple, TextIO

FORMULA: Final = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
NEUTRALISED: Final = re.compile(r"'+[=+\-@\t\r\n＝＋－＠]")
DELIMITERS: Final = ",;\t|"
# A program that opens and saves the file adds the delimiters of a whole row.
DELIMITER_LINE: Final = re.compile(r"""["']?sep ?= ?([^\w\s"']|\t)["']?[\s,;|]*""", re.IGNORECASE)
QUOTED: Final = re.compile('"[^"]*"')
# Characters without a width that programs put around texts: soft hyphen, zero-width spaces and
# joiners, marks, embeddings and isolates of direction, operators, byte order mark.
INVISIBLE: Final = (
    "\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\ufeff"
)
EDGES: Final = f" \t\v\f\u00a0{INVISIBLE}"
UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""The marks at the beginning of a file that a spreadsheet program saved as Unicode text."""
UNFINISHED: Final = "unexpected end of data"
MAX_ROW_LINES: Final = 50
MAX_LINE_CHARACTERS: Final = 200_000
SCANNED_BYTES: Final = 1 << 20


class SpreadsheetError(ValueError):
    """Raised for a file that cannot be read at all; the message is one sentence."""


class Row(NamedTuple):
    """One row of a file: its first line, its cells by column, and what is wrong with it.

    ``multiline`` names the columns whose cell goes over several lines.
    """

    line: int
    cells: dict[str, str]
    problem: str = ""
    multiline: frozenset[str] = frozenset()


class RowResult(NamedTuple):
    """What became of one row, or would: a word, a sentence about it, and its address."""

    line: int
    result: str
    sentence: str = ""
    address: str = ""


class Table(NamedTuple):
    """A file's columns, in lower case, and its rows, read one by one.

    ``repeated`` holds the columns that are named more than once; their first cell counts.
    """

    columns: list[str]
    rows: Iterator[Row]
    lines: int
    repeated: frozenset[str] = frozenset()


def neutralised(cell: str) -> str:
    """Return the cell so that no spreadsheet program runs it."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def restored(cell: str) -> str:
    """Return the cell as it was before ``neutralised``."""
    return cell[1:] if NEUTRALISED.match(cell) else cell


def read(path: Path, name: str = "") -> Table:
    """Return the table in a file: UTF-8, or UTF-16 with its mark; with a line of column names.

    Lines without text before that line are skipped.

    Args:
        path: The file.
        name: What sentences call it; the path if empty.

    Raises:
        SpreadsheetError: The file is no such table, or no regular file.
    """
    name = name or str(path)
    try:
        encoding, count = _scan(path)
        lines = _Lines(path.open(encoding=encoding, newline=""))
    except OSError as error:
        raise SpreadsheetError(f"{name} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SpreadsheetError(f"{name} is not UTF-8 text; save it as CSV UTF-8.") from error
    delimiter = _skip_to_header(lines)
    header = _header(lines, delimiter)
    if header.problem:
        raise SpreadsheetError(
            f"{name} has no line of column names. {header.problem.format(line=lines.number + 1)}"
        )
    lines.drop(header.lines)
    columns = [name.strip(EDGES).strip().lower() for name in header.cells]
    repeated = frozenset(name for name in columns if name and columns.count(name) > 1)
    return Table(columns, _rows(lines, columns, delimiter), count, repeated)


def _skip_to_header(lines: _Lines) -> str:
    """Drop what stands before the line of column names; return the delimiter of the file."""
    named = ""
    while first := next(lines.ahead(), ""):
        chosen = DELIMITER_LINE.fullmatch(first.strip(INVISIBLE))
        named = chosen[1] if chosen else named
        if not chosen and first.strip(EDGES + DELIMITERS).strip():
            break
        lines.drop(1)
    unquoted = QUOTED.sub("", first)
    return named or max(DELIMITERS, key=unquoted.count)


def _header(lines: _Lines, delimiter: str) -> _Parsed:
    """Return the column names; one in quotation marks may go over several lines."""
    first = next(lines.ahead(), "")
    if not first:
        return _Parsed([])
    header = _parse(iter([first]), delimiter)
    if header.problem:
        whole = _parse(lines.ahead(), delimiter)
        # With a quotation mark that went astray the first addresses would become names.
        if not whole.problem and not any("@" in cell for cell in whole.cells):
            return whole
    return header


def _scan(path: Path) -> tuple[str, int]:
    """Return the encoding of a file of text, and its number of line ends.

    A pipe or a device is refused before it is opened: opening or reading it may never end.

    Raises:
        SpreadsheetError: It is not a regular file.
        UnicodeDecodeError: It is neither UTF-8 nor UTF-16.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise SpreadsheetError(f"{path} is not a regular file; save the list as a CSV file.")
    count = 0
    with path.open("rb") as file:
        encoding = "utf-16" if file.read(2) in UTF_16 else "utf-8-sig"
        file.seek(0)
        decoder = codecs.getincrementaldecoder(encoding)()
        while portion := file.read(SCANNED_BYTES):
            count += decoder.decode(portion).count("\n")
    decoder.decode(b"", final=True)
    return encoding, count


class _Lines:
    """The lines of a file, of which some can be looked at before they are dropped.

    ``number`` counts the lines that were dropped.
    """

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self.number = 0
        self.waiting: deque[str] = deque()

    def ahead(self) -> Iterator[str]:
        """Yield the following lines and keep them."""
        place = 0
        while place < MAX_ROW_LINES:
            if place == len(self.waiting):
                line = self._read()
                if not line:
                    return
                self.waiting.append(line)
            yield self.waiting[place]
            place += 1

    def drop(self, count: int) -> None:
        """Go on by so many lines, which were looked at before."""
        for _ in range(min(count, len(self.waiting))):
            self.waiting.popleft()
        self.number += count

    def _read(self) -> str:
        """Return the next line, cut to the longest that is read; empty at the end."""
        if self.file.closed:
            return ""
        line = self.file.readline(MAX_LINE_CHARACTERS)
        rest = line
        while len(rest) == MAX_LINE_CHARACTERS and not rest.endswith(("\n", "\r")):
            rest = self.file.readline(MAX_LINE_CHARACTERS)
        if not line:
            self.file.close()
        return line


class _Parsed(NamedTuple):
    """The cells of a row, its number of lines, and why it is none (with ``{line}``)."""

    cells: list[str]
    lines: int = 1
    problem: str = ""


def _rows(lines: _Lines, columns: list[str], delimiter: str) -> Iterator[Row]:
    """Yield every row that is not blank; one that cannot be parsed does not stop the others."""
    while next(lines.ahead(), ""):
        number, row = lines.number + 1, _parse(lines.ahead(), delimiter)
        cells = row.cells
        while len(cells) > len(columns) and not cells[-1].strip():
            cells.pop()
        fits = len(cells) == len(columns)
        # Of a row over several lines that has not one cell a column a quotation mark went astray:
        # the next line is the next row.
        lines.drop(row.lines if fits else 1)
        problem = row.problem
        if not problem and row.lines > 1 and not fits:
            problem = UNCLOSED
        if not problem and len(cells) > len(columns):
            problem = f"It has {len(cells)} cells and the first line names {len(columns)}."
        if problem:
            yield Row(number, {}, problem.format(line=number))
        elif any(cell.strip(EDGES).strip() for cell in cells):
            by_column: dict[str, str] = {}
            for name, cell in zip(columns, cells, strict=False):
                by_column.setdefault(name, cell)
            multiline = (name for name, cell in by_column.items() if "\n" in cell or "\r" in cell)
            yield Row(number, by_column, multiline=frozenset(multiline))


UNCLOSED: Final = "A quotation mark in line {line} is not closed."


def _parse(lines: Iterator[str], delimiter: str) -> _Parsed:
    """Return the row that begins with the first of these lines, strictly by RFC 4180."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
    try:
        cells = next(reader)
    except StopIteration:
        return _Parsed([])
    except csv.Error as error:
        if reader.line_num > 1 or str(error) == UNFINISHED:
            return _Parsed([], problem=UNCLOSED)
        return _Parsed([], problem=f"It is not CSV: {error}.".replace("{", "(").replace("}", ")"))
    if sum(map(len, cells)) >= MAX_LINE_CHARACTERS - len(cells):
        return _Parsed([], problem=f"It has more than {MAX_LINE_CHARACTERS:,} characters.")
    return _Parsed(cells, reader.line_num)
