r"""Spellings of TeX that need to be seen as a whole, before it is read token by token."""

from __future__ import annotations

import re
from typing import Final

QUOTED: Final = re.compile(
    r"(?<![\w\\])\\([\"'])(?![{\s])([^\"'\\\n]{1,200})\\\1(?=[\s.,;:!?)\]’-]|$)"
)
APOSTROPHE: Final = re.compile(r"(?<=\w\w)\\'(?=(?:s|t|re|ve|ll|d|m)\b)")
NUMERAL: Final = re.compile(r"(\{\s*\\sc(?:shape)?\s+|\\textsc\s*\{\s*)([ivx]{1,5})(?=\s*\})")
r"""The stage of an ion or a cloud in small capitals: ``H{\sc ii}``."""
ANGLE: Final = re.compile(r"\\(?:left|right|[bB]igg?[lr])\s*([<>])")
BOX: Final = re.compile(r"\\(?:text[a-z]*|[mh]box)\s*\{(?:[^{}]|\{[^{}]*\})*\}")
"""A box of text; a formula in it has dollars of its own, also within another formula."""
WITHOUT_POINTS: Final = re.compile(r"(?<=[\w)\]}])\\\{([^{}\\$]{1,40})\}")
r"""A set without some points, ``R^n\{0}``; braces that TeX shows have a backslash each."""
WHOLE_WORD: Final = re.compile(r"\\AA\s+(?=ngstr|rhus\b|lesund\b)")


def respelt(text: str) -> str:
    """Return a text with spellings that need to be seen as a whole in their usual form."""
    if "\\" not in text:
        return text
    text = APOSTROPHE.sub("'", QUOTED.sub(r"\1\2\1", text))
    if "$" in text:
        text = BOX.sub(_without_dollars, text)
    text = WITHOUT_POINTS.sub(r"\\setminus\\{\1\\}", text)
    text = NUMERAL.sub(lambda found: found[1] + found[2].upper(), text)
    text = ANGLE.sub(lambda found: r"\langle " if found[1] == "<" else r"\rangle ", text)
    return WHOLE_WORD.sub(r"\\AA{}", text)


def _without_dollars(box: re.Match[str]) -> str:
    return box[0] if box[0].count("$") % 2 else box[0].replace("$", "{}")
