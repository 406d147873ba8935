"""TeX and markup -> clean Unicode text.

What comes in is written by strangers: half TeX, wrapped by some editor, now and then decoded
wrongly on its way. What goes out is NFC text without control characters, fit to be escaped and
shown. Cleaning clean text changes nothing.
"""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Final

from papers.text.tex import untex

# Overrides and isolates make a text read as something else than it is (CVE-2021-42574).
BIDI: Final = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
INVISIBLE: Final = "\u00ad\u200b\u2060\ufeff\ufffe\uffff"
UNWANTED: Final = re.compile(
    rf"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff{BIDI}{INVISIBLE}]"
)
LINE_BREAK: Final = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028]")
BLANK_LINE: Final = re.compile(r"\n[^\S\n]*\n|\u2029")
SENTENCE_END: Final = re.compile(r"[.!?:;][)\]\"'”’]*\s*$")
ENTITY: Final = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
INLINE_TAG: Final = re.compile(
    r"</?(?:i|b|em|strong|sub|sup|p|br|span|tt|u|sc|scp|italic|bold|title|sec|(?:jats|mml):[a-z-]+)"
    r"(?:\s+[\w:-]+=\"[^\"]*\")*\s*/?>",
    re.IGNORECASE,
)


def line(text: str) -> str:
    """One line of clean text: a title, a name, a comment."""
    return " ".join(_clean(text).split())


def paragraphs(text: str) -> str:
    """Clean text with wrapped lines joined and paragraphs kept, a blank line between them.

    A paragraph begins after a blank line, or (as in arXiv's records) with an indented line
    after the end of a sentence.
    """
    blocks = BLANK_LINE.split(LINE_BREAK.sub("\n", _repaired(text)))
    found = [part for block in blocks for part in _indented_paragraphs(block)]
    return "\n\n".join(filter(None, (line(part) for part in found)))


def unescaped(text: str) -> str:
    """The text with its character references decoded, once: for text that no XML or HTML parser
    has decoded already. A bare ``&`` or ``<`` is text."""
    return ENTITY.sub(lambda found: html.unescape(found.group()), text)


def without_markup(text: str) -> str:
    """The text of a fragment of HTML or JATS: its inline tags gone, its references decoded."""
    return unescaped(INLINE_TAG.sub("", text))


def shortened(text: str, length: int) -> str:
    """The text within a length, cut at a word, with an ellipsis where something is missing."""
    if len(text) <= length:
        return text
    cut = text[: length - 1]
    return (cut.rpartition(" ")[0] or cut).rstrip(" .,;:") + "…"


def _clean(text: str) -> str:
    if text.isascii() and text.isprintable():
        return untex(text)
    text = untex(LINE_BREAK.sub("\n", _repaired(text)))
    return unicodedata.normalize("NFC", UNWANTED.sub("", text))


def _repaired(text: str) -> str:
    """Undo UTF-8 read as Latin-1 or Windows-1252 (``JosÃ©``).

    Only when the whole text turns into valid UTF-8, which text that was read right never does.
    """
    if text.isascii():
        return text
    for wrong in ("latin-1", "cp1252"):
        try:
            return text.encode(wrong).decode("utf-8")
        except UnicodeError:
            continue
    return text


def _indented_paragraphs(block: str) -> list[str]:
    lines = block.split("\n")
    depths = [len(row) - len(row.lstrip()) for row in lines[1:] if row.strip()]
    pretty_printed = min(depths, default=0)
    margin = pretty_printed if pretty_printed > 2 else 0
    found = [lines[0]]
    for row in lines[1:]:
        if row[margin : margin + 1].isspace() and SENTENCE_END.search(found[-1]):
            found.append(row)
        else:
            found[-1] += "\n" + row
    return found
