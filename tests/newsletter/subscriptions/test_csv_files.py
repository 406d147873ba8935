"""CSV files as people and programs make them, read line by line."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest

from newsletter.subscriptions.csv_files import (
    MAX_LINE_CHARACTERS,
    MAX_ROW_LINES,
    Row,
    SpreadsheetError,
    neutralised,
    read,
    restored,
)
from tests.machine_speed import within

# A megabyte takes under two seconds of a core; what grows with the square takes minutes.
QUADRATIC_SECONDS = 5


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "list.csv"


def rows(file: Path, text: str) -> list[Row]:
    file.write_text(text, encoding="utf-8", newline="")
    return list(read(file).rows)


def emails(file: Path, text: str) -> list[str]:
    return [row.cells.get("email", row.problem) for row in rows(file, text)]


def test_a_cell_of_several_lines_is_one_cell(file: Path) -> None:
    first, second = rows(file, 'email,notes\na@x.org,"met\r\nin May"\r\nb@x.org,ok\n')
    assert first.cells == {"email": "a@x.org", "notes": "met\r\nin May"}
    assert list(first.multiline) == ["notes"]
    assert not second.multiline
    assert (first.line, second.line) == (2, 4)


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\nemail;name\na@x.org;Ada\n",
        'SEP=;\r\nemail;name\r\n"a@x.org";Ada\r\n',
        "sep=|\nemail|name\na@x.org|Ada\n",
        "\ufeffsep=,\nemail,name\na@x.org,Ada\n",
        "\ufeffemail,name,,\na@x.org,Ada,,\n",
        "email,name\na@x.org,Ada,,,\n",
        "email\tname\na@x.org\tAda\n",
        '"\ufeffemail",name\na@x.org,Ada\n',
        "\u200bEmail\u00a0,name\na@x.org,Ada\n",
        "email,name,name\na@x.org,Ada,Ada\n",
        "sep=;,,\r\nemail;name\r\na@x.org;Ada\r\n",
        "SEP = ;\nemail;name\na@x.org;Ada\n",
        "sep=\t\nemail\tname\na@x.org\tAda\n",
        "email|name\na@x.org|Ada\n",
        "\n,,\n\nemail,name\na@x.org,Ada\n",
        'email,"What they\nwrote"\na@x.org,Ada\n',
        '"email";"name, title, town, state"\na@x.org;Ada\n',
        'email, "name"\na@x.org, "Lovelace, Ada"\n',
    ],
)
def test_files_of_other_programs_are_read(file: Path, text: str) -> None:
    assert emails(file, text) == ["a@x.org"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_what_a_spreadsheet_saves_as_unicode_text_is_read(file: Path, encoding: str) -> None:
    file.write_bytes("\ufeffemail\tname\r\na@x.org\tÄda\r\n".encode(encoding))
    table = read(file)
    assert (table.lines, next(table.rows).cells) == (2, {"email": "a@x.org", "name": "Äda"})


def test_a_stray_quotation_mark_in_the_column_names_makes_no_name_of_an_address(
    file: Path,
) -> None:
    with pytest.raises(SpreadsheetError, match="quotation mark in line 1 is not closed"):
        rows(file, 'email,"name\na@x.org,Ada\nb@x.org,Bo"\n')


def test_a_column_that_is_named_twice_is_reported_and_its_first_cell_counts(file: Path) -> None:
    file.write_text("email,reason,reason\na@x.org,1,2\n")
    table = read(file)
    assert table.repeated == {"reason"}
    assert next(table.rows).cells == {"email": "a@x.org", "reason": "1"}


def test_a_row_that_is_never_closed_costs_its_own_line_alone(file: Path) -> None:
    lines = "".join(f"r{number}@x.org,\n" for number in range(MAX_ROW_LINES * 3))
    found = emails(file, f'email,notes\na@x.org,"open\n{lines}')
    assert found[0] == "A quotation mark in line 2 is not closed."
    assert len(found) == 1 + MAX_ROW_LINES * 3


def test_a_line_that_is_too_long_costs_its_own_row_alone(file: Path) -> None:
    found = emails(file, f"email\na@x.org\n{'x' * (3 * MAX_LINE_CHARACTERS)}\nb@x.org\n")
    assert (found[0], found[2]) == ("a@x.org", "b@x.org")
    assert "characters" in found[1] or "field larger" in found[1]


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_regular_file_is_refused_and_not_opened(file: Path, kind: str) -> None:
    if kind == "pipe":
        os.mkfifo(file)
    path = {"pipe": file, "device": Path("/dev/zero"), "folder": file.parent}[kind]
    with pytest.raises(SpreadsheetError, match="not a regular file"):
        read(path)


def test_text_that_is_no_utf_8_far_into_the_file_is_refused_before_any_row(file: Path) -> None:
    file.write_bytes(b"email\n" + b"a@x.org\n" * 400_000 + b"\xff\xfe\n")
    with pytest.raises(SpreadsheetError, match="not UTF-8"):
        read(file)


def test_a_file_of_twenty_megabytes_takes_less_than_four_of_memory(file: Path) -> None:
    notes = 'some ""notes"" of one or two, ' * 190 + "\nlines"
    with file.open("w", encoding="utf-8") as out:
        out.write("email,notes\n")
        for _ in range(4_000):
            out.write(f'a@x.org,"{notes}"\n')
    assert file.stat().st_size > 20_000_000
    tracemalloc.start()
    count = sum(1 for _ in read(file).rows)
    _, highest = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 4_000
    assert highest < 4_000_000


@pytest.mark.parametrize(
    "unit",
    ['"', '"\n', '"a\n', '"",', 'a,"\n', '"""\n', '""""\n', ",\n", "''\n", "x" * 999 + '"\n'],
)
def test_the_time_grows_with_the_size_and_not_faster(file: Path, unit: str) -> None:
    text = "email,a\n" + unit * (250_000 // len(unit))
    assert within(QUADRATIC_SECONDS, lambda: rows(file, text))


@pytest.mark.parametrize("sign", list("=+-@\t\r\n＝＋－＠"))
def test_what_a_spreadsheet_would_run_is_neutralised_and_restored(sign: str) -> None:
    for cell in (f"{sign}1", f"'{sign}1", f"''{sign}"):
        assert neutralised(cell) == f"'{cell}"
        assert restored(neutralised(cell)) == cell
