"""Quotes, dashes and ties as authors type them, and the marks that Markdown leaves."""

from __future__ import annotations

import re
from re import Match
from typing import Final

from papers.text.commands import SCRIPT_END, link

BOLD: Final = re.compile(r"(?<![\w*\\])\*\*(?=[^\s*])([^*\n]{1,300}?)(?<=[^\s*\\])\*\*(?![\w*])")
INITIAL: Final = re.compile(r"(?<![\w*\\])\*\*([A-Za-z]{1,12})\*\*(?=\w)")
EMPHASIS: Final = re.compile(
    r"(?<![\w*\\^_)\]}])\*([A-Za-z](?:[A-Za-z ,'’/-]{0,80}[A-Za-z])?[.!?]?)\*(?![\w*])"
)
MARKDOWN_LINK: Final = re.compile(r"(?<!\\)\[([^\[\]\n]{1,120})\]\((https?://[^\s()]{1,500})\)")
HTML_LINK: Final = re.compile(
    r'<a\s[^<>]{0,100}?href="(https?://[^\s"]{1,500})"[^<>]{0,100}>([^<>]{0,120})</a>',
    re.IGNORECASE,
)
PLACEHOLDER: Final = re.compile(r"\s*this https? URL\W*", re.IGNORECASE)
"""The words that arXiv's pages show for an address."""
CODE: Final = re.compile(r"(?<![`\\\w])`([^`'\n]{1,100})`(?![`\w])")
FENCE: Final = re.compile(r"(?<!\\)`{3,}(?:\w+\n)?")
TYPOGRAPHY: Final = re.compile(
    r"(?P<url>https?://\S+|www\.\S+)"
    r"|(?P<open>(?<!\\)``)|(?P<close>(?<=[^\s\d(\[])''(?!\w))"
    r"|(?<![`\\\w])`(?P<single>[^`\n]{1,200}?(?:\n[^`\n]{1,200}?)?)'(?!\w)|(?P<lone>(?<![\w`\\])`(?=\w))"
    r"|(?P<em>(?<!-)-{3,}(?!-))"
    r"|(?P<en>(?<=[^\s^_-])--(?=[^\s>-])|(?<=\s)--(?=\s)|(?<=[\w)])--(?=\s))"
    rf"|(?P<tie>(?<=[\w.,;:)\]}}'′”’…{SCRIPT_END}-])~+(?=[^\s~]))"
)
APOSTROPHE: Final = re.compile(r"(?<=[A-Za-z])`(?=(?:s|t|re|ve|ll|d|m)\b)")
MICRO: Final = re.compile(r"(?<=\d)([\s~]?μ)[^\S\n]+(?=(?:m|s|g|as|Jy|Hz|[AFGKLTVW])\b)")
"""A number of millionths and the space before the unit."""
QUANTITY: Final = re.compile(
    r"(?:^|[^\w.-])(?:[a-zzZTRNEQ]|k_?[BT]+|[A-Za-zα-ω]\w{0,2}_\w+|[a-zA-Z]_\([^()]*\)|S/N|SNR|[α-ωΔΓΛΩ]"
    r"|(?i:alpha|beta|gamma|delta|epsilon|lambda|sigma|theta|tau|omega))$|[)\]|⟩]$"
)
NUMBER: Final = re.compile(r"[-+−±]?(?:\d|\.\d|√)")
LETTER: Final = re.compile(r"(?:^|[^\w.-])[A-Z]$")
POWER: Final = re.compile(r"[\d.]*(?:x|×)?10\^")


def without_markdown(text: str) -> str:
    """Return a text without the marks of Markdown; links are words with an address.

    The marks are those of emphasis, code, blocks of code and links; links of HTML count, too.
    """
    if "`" in text:
        text = CODE.sub(r"\1", FENCE.sub("", text))
    if "](" in text:
        text = MARKDOWN_LINK.sub(lambda found: link(found[2], found[1]), text)
    if "</a>" in text:
        text = HTML_LINK.sub(lambda found: link(found[1], PLACEHOLDER.sub("", found[2])), text)
    if "**" in text:
        text = BOLD.sub(r"\1", INITIAL.sub(r"\1", text))
    return EMPHASIS.sub(r"\1", text) if "*" in text else text


def typeset(text: str) -> str:
    """Return a text with quotes, dashes and spaces for what TeX's authors type in their place."""
    quotes: list[str] = []
    if text.count("`") == 1:
        text = APOSTROPHE.sub("'", text)
    if "μ " in text:
        text = MICRO.sub(r"\1", text)
    return TYPOGRAPHY.sub(lambda match: _typeset(match, quotes), text)


SIGNS: Final = {"open": "“", "close": "”", "lone": "‘", "em": "—", "en": "–"}


def _typeset(match: Match[str], quotes: list[str]) -> str:
    name = str(match.lastgroup)
    if name == "close" and not quotes:
        return match.group()
    if name in {"open", "close"}:
        quotes[:] = ["“"] if name == "open" else []
    if name == "tie":
        return _tie(match)
    if name == "single":
        return f"‘{match['single']}’"
    return SIGNS.get(name, match.group())


def _tie(match: Match[str]) -> str:
    """Return ``~`` where it means "about" (``z~6``), else the space that it stands for."""
    text, end = match.string, match.end()
    before = text[max(0, match.start() - 40) : match.start()]
    if text[end] in "<>=~" or before[-1:] in "<>=∼≈":
        return match["tie"]
    if NUMBER.match(text, end) and QUANTITY.search(before):
        return match["tie"]
    if POWER.match(text, end) and LETTER.search(before):
        return match["tie"]
    return " "
