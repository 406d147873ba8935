"""Exponents and indices of a cleaned text, found in the TeX that it was cleaned from."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from papers.text import clean
from papers.text.commands import script
from papers.text.scripts import Piece, in_unicode, pieces

SIGNS = {"sup": "^", "sub": "_"}
FRAGMENTS = [
    *("$", "{", "}", "^", "_", "^{", "_{", "\\", "\\alpha", "\\frac", "\\hat", "\\sqrt"),
    *("\\left(", "~"),
    *("--", "x", "ab", "1", "+", "(", ")", " ", "\n\n", "<b>", "&lt;"),
    *("\ue010", "\ue011", "\ue012", "\ue000"),
]  # fmt: skip


def read(raw: str) -> list[Piece]:
    return pieces(clean.line(raw), raw)


def written(parts: list[Piece]) -> str:
    return "".join(
        f"<{piece.level}>{piece.text}</{piece.level}>" if piece.level else piece.text
        for piece in parts
    )


def on_one_line(parts: list[Piece]) -> str:
    return "".join(
        script(SIGNS[piece.level], piece.text) if piece.level else piece.text for piece in parts
    )


@pytest.mark.parametrize(
    ("raw", "html", "text"),
    [
        ("Sorting in $O(n^2)$ time", "Sorting in O(n<sup>2</sup>) time", "Sorting in O(n²) time"),
        ("At $10^{-3}$ K", "At 10<sup>-3</sup> K", "At 10⁻³ K"),
        ("On $x_{i+1}$", "On x<sub>i+1</sub>", "On xᵢ₊₁"),
        ("On $f^{(n)}$", "On f<sup>(n)</sup>", "On f⁽ⁿ⁾"),
        ("On $2^{a+b}c$", "On 2<sup>a+b</sup>c", "On 2^(a+b)c"),
        ("$^{40}$K and CH$_2$NH", "<sup>40</sup>K and CH<sub>2</sub>NH", "⁴⁰K and CH₂NH"),
        ("A $D_s^+$ meson", "A D<sub>s</sub><sup>+</sup> meson", "A Dₛ⁺ meson"),
        ("On $x_{a_i}$", "On x<sub>a_i</sub>", "On x_(a_i)"),
        ("On $\\hat{x_2}$", "On x̂<sub>2</sub>", "On x̂₂"),
        ("At $\\sqrt{s_{NN}}$", "At √s<sub>NN</sub>", "At √s_NN"),
        ("At $\\sqrt{s_{_{NN}}}$", "At √s<sub>NN</sub>", "At √s_NN"),
        ("The star $\\theta^1$~Orionis", "The star θ<sup>1</sup> Orionis", "The star θ¹ Orionis"),
        ("The $90^\\circ$ turn", "The 90° turn", "The 90° turn"),
        ("The snake_case of R^n", "The snake_case of R<sup>n</sup>", "The snake_case of Rⁿ"),
        ("CO_2 at 10^16 Hz", "CO<sub>2</sub> at 10<sup>16</sup> Hz", "CO₂ at 10¹⁶ Hz"),
        ("To π^+π^-", "To π<sup>+</sup>π<sup>-</sup>", "To π⁺π⁻"),
        ("On Omega_0 and N_nu", "On Omega<sub>0</sub> and N<sub>nu</sub>", "On Omega₀ and Nₙᵤ"),
        ("R^2-gravity, f_col", "R<sup>2</sup>-gravity, f<sub>col</sub>", "R²-gravity, f_col"),
        ("See https://a.org/R_2 or a_1@b.org", *["See https://a.org/R_2 or a_1@b.org"] * 2),
        ("The top_k of n_estimators", *["The top_k of n_estimators"] * 2),
        ("No formula", "No formula", "No formula"),
    ],
)  # fmt: skip
def test_scripts_are_found_and_stand_in_unicode_where_it_has_their_signs(
    raw: str, html: str, text: str
) -> None:
    assert written(read(raw)) == html
    assert in_unicode(read(raw)) == text


def test_a_summary_finds_its_scripts_in_the_raw_abstract() -> None:
    raw = "  Background of $y^3$.\n  In this paper, we sort\n$n_1$ things in $O(n^2)$. More $z_0$."
    assert written(pieces("We sort n_1 things in O(n^2).", raw)) == (
        "We sort n<sub>1</sub> things in O(n<sup>2</sup>)."
    )
    assert written(pieces("Background of y^3. In this…", raw)) == (
        "Background of y<sup>3</sup>. In this…"
    )


@pytest.mark.parametrize("raw", ["", "Something else with $n^{a+b}$", "Sorting in $O(n^{a+b})"])
def test_a_text_that_does_not_stand_in_the_raw_one_is_shown_as_it_is(raw: str) -> None:
    assert pieces("Sorting in O(n^(a+b)) time", raw) == [Piece("Sorting in O(n^(a+b)) time")]


def test_a_script_that_the_passage_cuts_stays_on_the_line() -> None:
    assert written(pieces("On x_(i…", "On $x_{i+1}$")) == "On x_(i…"


def test_marks_that_the_source_sent_are_taken_out() -> None:
    assert read("\ue010^<script>\ue012 $n^2$") == [Piece("^<script> n"), Piece("2", "sup")]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join))
def test_the_pieces_say_the_shown_text_and_nothing_else(raw: str) -> None:
    shown = clean.line(raw)
    found = pieces(shown, raw)
    assert on_one_line(found) == shown
    assert {piece.level for piece in found} <= {"", "sup", "sub"}
    assert not any(mark in piece.text for piece in found for mark in "\ue010\ue011\ue012")
