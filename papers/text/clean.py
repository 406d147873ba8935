"""TeX and markup -> clean Unicode text.

Titles and abstracts are half TeX, wrapped by some editor, now and then decoded wrongly on their
way. Clean text is NFC without control characters, fit to be escaped and shown. Cleaning is
repeated until it changes nothing, so cleaning clean text changes nothing.
"""

from __future__ import annotations

import html
import itertools
import re
import unicodedata
from collections.abc import Callable
from typing import Final

from papers.text.commands import PARENTHESISED, SCRIPT, SCRIPT_END
from papers.text.lost_backslashes import mended
from papers.text.tex import KEPT, untex
from papers.text.typography import typeset, without_markdown

VERSION: Final = 4
"""The version of what cleaning makes of a text. Rows of an older version are cleaned again."""
LENGTH: Final = 100_000
"""Characters of a text that are read; the longest author lines on arXiv have about 90,000."""
PASSES: Final = 5
"""Times that a text is cleaned before the signs that cleaning looks for are taken out."""
PERHAPS_TEX: Final = re.compile(
    r"[\\$`~{}*]|--|''|\d(?:times|sim|approx|cdot|circ)|left[(\[|]"
    r"|(?:approx|sim|simeq|times)\d|\]\(http|</a>|\^\s?circ|\dtimes[A-Z]|frac\d|textbf|arrow"
    r"|\b(?:propto|[gln]eq|infty|varepsilon|cdot|[lr](?:ceil|floor|angle)|su[bp]seteq|notin|oplus|otimes)"
    r"|(?:ell|nabla)[_^]|\d(?:to| ?pm ?)\d|\dpropto"
)
SPECIAL: Final = re.compile(r"[\\$`~{}*_^]|-(?=-)|'(?=')")
# Overrides and isolates make a text read as something else than it is (CVE-2021-42574).
BIDI: Final = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
INVISIBLE: Final = "\u00ad\u200b\u2060\ufeff\ufffe\uffff"
UNWANTED: Final = re.compile(
    rf"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ue000-\uf8ff{BIDI}{INVISIBLE}]"
)
SCRIPT_MARKS: Final = frozenset({SCRIPT, PARENTHESISED, SCRIPT_END})
LINE_BREAK: Final = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028]")
BLANK_LINE: Final = re.compile(r"\n[^\S\n]*\n|\u2029")
ENTITY: Final = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
INLINE_TAG: Final = re.compile(
    r"</?(?:i|b|em|strong|sub|sup|p|br|span|tt|u|sc|scp|italic|bold|title|sec|(?:jats|mml):[a-z-]+)"
    r"(?:\s+[\w:-]+=\"[^\"]*\")*\s*/?>",
    re.IGNORECASE,
)


def line(text: str) -> str:
    """Return one line of clean text: a title, a name, a comment."""
    return _settled(_line, text)


def paragraphs(text: str) -> str:
    """Return clean text with wrapped lines joined and a blank line between its paragraphs.

    A paragraph begins after a blank line, or (as in arXiv's records) with an indented line
    after the end of a sentence.
    """
    return _settled(_paragraphs, text)


def with_marked_scripts(text: str) -> str:
    """Return one line of text, cleaned once, with each exponent and index between its marks.

    The marks are those of ``papers.text.commands.marked_script``; without them the line is that
    of ``line``, unless cleaning a second time would change the text once more.
    """
    plain, kept = untex(without_markdown(mended(_normal(_repaired(text[:LENGTH])))), marked=True)
    plain = KEPT.sub(lambda found: kept[int(found[1])], typeset(plain))
    plain = UNWANTED.sub(lambda found: found[0] if found[0] in SCRIPT_MARKS else "", plain)
    return " ".join(unicodedata.normalize("NFC", plain).split())


def unescaped(text: str) -> str:
    """Return the text with its character references decoded, once.

    For text that no XML or HTML parser has decoded already. A bare ``&`` or ``<`` is text.
    """
    return ENTITY.sub(lambda found: html.unescape(found.group()), text)


def without_markup(text: str) -> str:
    """Return the text of a fragment of HTML or JATS, without tags, its references decoded."""
    return unescaped(INLINE_TAG.sub("", text))


def shortened(text: str, length: int) -> str:
    """Return the text within a length, cut at a word, with an ellipsis for what is missing."""
    if len(text) <= length:
        return text
    cut = text.rfind(" ", length // 2, length)
    return text[: cut if cut > 0 else length - 1].rstrip(" .,;:-–—(") + "…"


def _settled(clean: Callable[[str], str], text: str) -> str:
    """Return the text cleaned until another pass would change nothing.

    What ``PASSES`` passes do not settle (two spellings that turn into each other) loses the
    signs that cleaning looks at.
    """
    text = clean(text[:LENGTH])
    for _ in range(PASSES):
        if not PERHAPS_TEX.search(text) and text.isascii():
            return text
        again = clean(text[:LENGTH])
        if again == text:
            return text
        text = again
    return clean(SPECIAL.sub("", text))


def _line(text: str) -> str:
    return " ".join(_clean(_repaired(text)).split())


def _paragraphs(text: str) -> str:
    blocks = BLANK_LINE.split(LINE_BREAK.sub("\n", _repaired(text)))
    found = [part for block in blocks for part in _indented_paragraphs(block)]
    return "\n\n".join(filter(None, (" ".join(_clean(part).split()) for part in found)))


def _clean(text: str) -> str:
    text = _normal(text)
    if not PERHAPS_TEX.search(text):
        return text
    plain, kept = untex(without_markdown(mended(text)))
    plain = typeset(plain)
    plain = KEPT.sub(lambda found: kept[int(found[1])], plain)
    return unicodedata.normalize("NFC", UNWANTED.sub("", plain))


def _normal(text: str) -> str:
    """Return the text in NFC, without control characters, with one kind of line break."""
    if text.isascii() and text.isprintable():
        return text
    return unicodedata.normalize("NFC", UNWANTED.sub("", LINE_BREAK.sub("\n", text)))


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
    found = [[lines[0]]]
    environments = 0
    for before, row in itertools.pairwise(lines):
        environments += before.count("\\begin{") - before.count("\\end{")
        indented = row[margin : margin + 1].isspace()
        if indented and environments <= 0 and _ends_sentence(before):
            found.append([row])
        else:
            found[-1].append(row)
    return ["\n".join(rows) for rows in found]


def _ends_sentence(row: str) -> bool:
    return row.rstrip().rstrip(")]\"'”’").endswith((".", "!", "?", ":", ";"))
