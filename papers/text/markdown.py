"""Markdown by an editor, as safe HTML and as plain text (CommonMark, without HTML of its own).

Headings become bold paragraphs, since a letter stands under a heading already. Pictures become
their description: mail programs block them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

TAGS: Final = {"p", "br", "strong", "em", "a", "ul", "ol", "li", "blockquote", "code", "hr"}
ATTRIBUTES: Final = {"a": {"href", "style", "class"}, "ol": {"start", "style", "class"}}
STYLED: Final = {"style", "class"}
SCHEMES: Final = {"http", "https", "mailto"}
BLOCK_ENDS: Final = frozenset({"paragraph_close", "heading_close", "fence", "code_block", "hr"})
EMPTY_LINES: Final = re.compile(r"\n{3,}")

_parser = MarkdownIt("commonmark", {"html": False})


def to_html(markdown: str, attributes: Mapping[str, Mapping[str, str]] | None = None) -> str:
    """Return safe HTML.

    Args:
        markdown: The text.
        attributes: By tag, or ``heading``, the values of ``style`` and ``class`` to set.
    """
    tokens = _parser.parse(markdown)
    for token in _walk(tokens):
        kind = "heading" if token.type == "heading_open" else token.tag
        _simplify(token)
        if token.nesting >= 0:
            for name, value in (attributes or {}).get(kind, {}).items():
                token.attrSet(name, value)
    found = _parser.renderer.render(tokens, _parser.options, {})
    allowed: dict[str, set[str]] = {tag: STYLED | ATTRIBUTES.get(tag, set()) for tag in TAGS}
    return nh3.clean(
        found, tags=set(TAGS), attributes=allowed, url_schemes=set(SCHEMES), link_rel="noopener"
    ).strip()


def to_text(markdown: str) -> str:
    """Return plain text: lists with dashes or numbers, addresses in brackets behind their words."""
    return EMPTY_LINES.sub("\n\n", "\n".join(_lines(_parser.parse(markdown)))).strip()


def _walk(tokens: Sequence[Token]) -> Iterable[Token]:
    for token in tokens:
        yield token
        yield from _walk(token.children or ())


def _simplify(token: Token) -> None:
    """Turn a heading into a paragraph, a picture into its description, a listing into code."""
    if token.type in {"heading_open", "heading_close"}:
        token.tag = "p"
    elif token.type == "image":
        token.type, token.content = "text", _plain(token.children or ())
    elif token.type in {"fence", "code_block"}:
        token.type, token.info = "code_block", ""


def _lines(tokens: Sequence[Token]) -> Iterable[str]:
    """Yield the lines of blocks, with an empty line after each."""
    marks: list[Any] = []
    mark = ""
    for token in tokens:
        if token.type in {"bullet_list_open", "ordered_list_open"}:
            marks.append(int(token.attrGet("start") or 1) if token.tag == "ol" else "-")
        elif token.type in {"bullet_list_close", "ordered_list_close"}:
            marks.pop()
            yield ""
        elif token.type == "list_item_open":
            mark = f"{marks[-1]}. " if isinstance(marks[-1], int) else "- "
            marks[-1] = marks[-1] + 1 if isinstance(marks[-1], int) else "-"
        elif token.type == "inline":
            indent = "  " * max(0, len(marks) - 1)
            yield indent + mark + _plain(token.children or ())
            mark = ""
        elif token.type in {"fence", "code_block"}:
            yield token.content.rstrip()
        if token.type in BLOCK_ENDS and not token.hidden:
            yield ""


def _plain(tokens: Sequence[Token]) -> str:
    """Return the text of a block; the address of a link follows its words."""
    found: list[str] = []
    address = ""
    for token in tokens:
        if token.type == "link_open":
            address = str(token.attrGet("href") or "")
        elif token.type == "link_close":
            found.append(f" ({address})" if not "".join(found).endswith(address) else "")
        elif token.type in {"softbreak", "hardbreak"}:
            found.append("\n" if token.type == "hardbreak" else " ")
        elif token.type == "image":
            found.append(_plain(token.children or ()))
        else:
            found.append(token.content)
    return "".join(found)
