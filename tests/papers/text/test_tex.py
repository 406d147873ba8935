"""TeX, lost TeX and Markdown in titles and abstracts, one row of ``tex.jsonl`` each."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from papers.text import clean
from papers.text.clean import line, paragraphs
from tests.machine_speed import within

ROWS = [
    json.loads(row)
    for row in (Path(__file__).parents[2] / "data/texts/tex.jsonl").read_text("utf-8").splitlines()
]
READERS = {"line": line, "paragraphs": paragraphs}
MEGABYTE = 1_000_000
FRAGMENTS = [
    "$", "$$", "{", "}", "\\", "\\{", "\\}", "\\(", "\\)", "\\[", "\\]", "^", "_", "~", "--", "``",
    "''", "`", "'", "**", "\\alpha", "\\frac", "\\sqrt[", "\\hat", "\\'", '\\"', "\\v ", "\\bf ",
    "\\begin{align}", "\\end{align}", "\\cite[", "\\verb|", "\\foo", "\\href", "\\left", "\\over ",
    "{times}", "2times", "https://a.b/c", "C:", "&", "%", " ", "\n", "a", "word", "1", "5", "é",
    "Ã©",
    "\u0301", "(", ")", "[", "]", ",", "=",
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=[str(row["given"])[:60] for row in ROWS])
def test_tex_becomes_plain_text(row: dict[str, Any]) -> None:
    read = READERS[row["by"]]
    found = read(row["given"])
    assert " ".join(found.split()) in row.get("want", [" ".join(found.split())])
    assert [part for part in row.get("keep", ()) if part not in found] == []
    assert [part for part in row.get("never", ()) if part in found] == []
    assert read(found) == found


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("256{times}256 and 4times4, 1.5times faster", "256×256 and 4×4, 1.5× faster"),
        ("{sim}1K of 5 times, at 3pm", "∼1K of 5 times, at 3pm"),
        ("href{https://a.org/b}{our code}", "our code (https://a.org/b)"),
        ("{S}ignal {P}reservation and symmet{R}y", "Signal Preservation and symmetRy"),
        ("texttt{D}ual-texttt{H}ead, Self-text{CO}rrecting", "Dual-Head, Self-COrrecting"),
        ("a pi_{RL} policy, full-360^{circ} views", "a π_RL policy, full-360° views"),
        ("z_{t}rightarrow z_{r}", "z_t→z_r"),
        ("O(N) or Oleft( d right) in teal{Tool-use}", "O(N) or O( d) in Tool-use"),
        ("code: https://a.org/x-y{GitHub}.", "code: GitHub (https://a.org/x-y)."),
        ("**Bold** and `code`, but a**b and __init__", "Bold and code, but a**b and __init__"),
        ("an ``open quote", "an “open quote"),
        ("label c in {True, False}", "label c in {True, False}"),
    ],
)
def test_lost_backslashes_and_markdown_are_mended(typed: str, shown: str) -> None:
    assert line(typed) == shown
    assert line(shown) == shown


@pytest.mark.parametrize(
    "formula",
    [
        r"$\mytool\to x$",
        r"$\begin{pmatrix} a & b \\ c & d \end{pmatrix}$",
        r"$f(x)=\begin{cases} 1 & x>0 \\ 0 & x\le 0 \end{cases}$",
        r"$\underbrace{a+b}_{c}$",
        r"$\left\{ x \right.$",
        r"$\widehat{fg}$",
    ],
)
def test_a_formula_without_a_form_in_unicode_stays_in_one_piece(formula: str) -> None:
    assert line(f"the case {formula} of --- it") == f"the case {formula} of — it"


def test_a_formula_in_other_delimiters_stays_between_dollars() -> None:
    assert line(r"if \(\mytool  x\) or \[\mytool\]") == r"if $\mytool x$ or $\mytool$"
    kept = r"$\begin{pmatrix} 1 \end{pmatrix}$"
    assert line(r"in \begin{pmatrix} 1 \end{pmatrix} here") == f"in {kept} here"


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=16).map("".join))
def test_cleaning_twice_is_cleaning_once(typed: str) -> None:
    for read in READERS.values():
        found = read(typed)
        assert read(found) == found


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(max_size=60))
def test_cleaning_any_text_twice_is_cleaning_it_once(typed: str) -> None:
    for read in READERS.values():
        found = read(typed)
        assert read(found) == found


@pytest.mark.parametrize(
    "part",
    ["$ ", "$", "{", "{}", "{a", "\\cite[", "\\frac", "\\hat{", "`a", "a~1", "\\verb|", "_{", "**a",
     "\\begin{align}", "$\\foo$ ", "{a\\over ", "http://a{",
     "left(", "\\\"a ", "\n ", "Ã©", "\\left\\{"],
)  # fmt: skip
def test_a_megabyte_of_hostile_text_takes_under_two_seconds(part: str) -> None:
    typed = part * (MEGABYTE // len(part))
    for read in READERS.values():
        assert within(2, partial(read, typed))
        assert len(read(typed)) <= clean.LENGTH
