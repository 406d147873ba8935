"""Exponents and indices of a cleaned text, from the TeX that it was cleaned from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple

from papers.text.clean import with_marked_scripts
from papers.text.commands import PARENTHESISED, SCRIPT, SCRIPT_END, script, unmarked

Level = Literal["", "sup", "sub"]

LEVELS: Final[dict[str, Level]] = {"^": "sup", "_": "sub"}
MARKED: Final = re.compile(
    rf"(?P<mark>[{SCRIPT}{PARENTHESISED}])(?P<sign>[\^_])(?P<content>[^{SCRIPT_END}]*){SCRIPT_END}"
)
SIGNS: Final = {"sup": "^", "sub": "_"}
SUPERSCRIPTS: Final = dict(zip("0123456789+-−=()in", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁱⁿ", strict=True))
SUBSCRIPTS: Final = dict(
    zip("0123456789+-−=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True)
)
UNICODE: Final = {"sup": SUPERSCRIPTS, "sub": SUBSCRIPTS}


class Piece(NamedTuple):
    """A part of a text and how it stands: on the line, or as the element ``sup`` or ``sub``.

    The text is foreign and not escaped.
    """

    text: str
    level: Level = ""


def pieces(shown: str, raw: str) -> list[Piece]:
    """Return a cleaned text, or a part of one, in pieces.

    A script in a script stays on the line of the outer one, as ``a_i``.

    Args:
        shown: The text as it is shown: all of the cleaned text or a passage of it, whose first
            letter may have been raised and whose end may be an ellipsis.
        raw: The text before cleaning. Where the shown text does not stand in it, nothing is known
            of its scripts, and the shown text is the only piece.
    """
    if not raw or ("^" not in shown and "_" not in shown):
        return [Piece(shown)]
    found = list(_read(with_marked_scripts(raw)))
    whole = "".join(_plain(piece) for piece in found)
    body = shown.removesuffix("…")
    as_written = (body, body[:1].lower() + body[1:])
    start = next((at for at in map(whole.find, as_written) if at >= 0), -1)
    if start < 0:
        return [Piece(shown)]
    passage = list(_joined(_passage(found, start, start + len(body))))
    if not passage[0].level:
        passage[0] = Piece(body[0] + passage[0].text[1:])
    return list(_joined([*passage, Piece(shown[len(body) :])]))


def in_unicode(parts: Iterable[Piece]) -> str:
    """Return the pieces as plain text, with Unicode's raised and lowered signs: n², x₁.

    A script that has a sign which Unicode lacks stays as it is on one line: ``2^(a+b)``.
    """
    return "".join(_in_unicode(piece) for piece in parts)


def _in_unicode(piece: Piece) -> str:
    signs = UNICODE.get(piece.level, {})
    if signs and all(letter in signs for letter in piece.text):
        return "".join(signs[letter] for letter in piece.text)
    return _plain(piece)


def _plain(piece: Piece) -> str:
    return script(SIGNS[piece.level], piece.text) if piece.level else piece.text


def _read(marked: str) -> Iterator[Piece]:
    """Yield the pieces of a text with marks."""
    end = 0
    for found in MARKED.finditer(marked):
        yield Piece(unmarked(marked[end : found.start()]))
        content = found["content"]
        added = found["mark"] == PARENTHESISED
        yield Piece(content[1:-1] if added else content, LEVELS[found["sign"]])
        end = found.end()
    yield Piece(unmarked(marked[end:]))


def _passage(found: list[Piece], start: int, end: int) -> Iterator[Piece]:
    """Yield the pieces between two positions of the plain text; a script that is cut is plain."""
    at = 0
    for piece in found:
        plain = _plain(piece)
        cut = plain[max(0, start - at) : max(0, end - at)]
        yield piece if cut == plain else Piece(cut)
        at += len(plain)


def _joined(parts: Iterable[Piece]) -> Iterator[Piece]:
    """Yield the pieces without empty ones, neighbours on the line as one."""
    line = ""
    for piece in parts:
        if piece.level:
            if line:
                yield Piece(line)
            line = ""
            yield piece
        else:
            line += piece.text
    if line:
        yield Piece(line)
