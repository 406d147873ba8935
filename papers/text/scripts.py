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
GREEK: Final = (
    r"(?:[Aa]lpha|[Bb]eta|[Gg]amma|[Dd]elta|[Ee]psilon|[Ee]ta|[Tt]heta|[Kk]appa|[Ll]ambda|[Mm]u|[Nn]u"
    r"|[Xx]i|[Pp]i|[Rr]ho|[Ss]igma|[Tt]au|[Pp]hi|[Cc]hi|[Pp]si|[Oo]mega)"
)
BARE: Final = re.compile(
    rf"(?:\$[^$]+\$|\S*(?:://|@|\\)\S*)|(?P<base>(?<![^\W\d])(?<!_)(?:{GREEK}|[^\W\d_])|[A-Z][A-Za-z]{{0,2}}|[\d)⟩\]])"
    rf"(?:\^(?P<sup>[-+−]?\d+(?:\.\d+)?|[^\W\d_](?![^\W\d])|[-+−±∗*∞](?!\d))"
    rf"|_(?P<sub>\d{{1,3}}(?![\d_])|(?:{GREEK}|[^\W\d_]{{1,4}}|[⊙⊕☉∞])(?![\w(])))"
)
"""A script that authors type without dollars: R^2, 10^16, Omega_0; no formula, address or path."""
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
        raw: The text before cleaning. Where the shown text does not stand in it, only scripts that
            were typed without TeX are found.
    """
    if "^" not in shown and "_" not in shown:
        return [Piece(shown)]
    return list(_joined(_with_bare(_typed(shown, raw))))


def _with_bare(parts: Iterable[Piece]) -> Iterator[Piece]:
    """Yield the pieces, those on the line with the scripts that stand in them as plain signs."""
    for piece in parts:
        end = 0
        for found in () if piece.level else BARE.finditer(piece.text):
            if found["base"]:
                yield Piece(piece.text[end : found.end("base")])
                level: Level = "sup" if found["sup"] else "sub"
                yield Piece(found[level], level)
                end = found.end()
        yield piece if not end else Piece(piece.text[end:])


def _typed(shown: str, raw: str) -> list[Piece]:
    """Return the text in pieces, as the TeX of its source has them."""
    if not raw:
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
