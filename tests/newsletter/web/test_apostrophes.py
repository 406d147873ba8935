"""The sentences that readers see have typographic apostrophes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
STRAIGHT: Final = re.compile(r"[A-Za-z]'(?:s|t|re|ve|ll|d|m)\b")
TAGS: Final = re.compile(r"\{[%#].*?[%#]\}|\{\{.*?\}\}")
TEMPLATES: Final = sorted(
    path
    for path in (ROOT / "templates").rglob("*")
    if path.suffix in {".html", ".txt"} and path.relative_to(ROOT / "templates").parts[0] != "admin"
)
SOURCES: Final = sorted(
    path
    for folder in (
        *("newsletter/web", "newsletter/mail", "newsletter/digests", "newsletter/subscriptions"),
        *("papers/trending", "papers/recommend"),
    )
    for path in (ROOT / folder).rglob("*.py")
)
NOT_FOR_READERS: Final = {"errors.py", "tokenize.py"}
"""What operators are told, and the words that count for nothing."""


def strings(source: str) -> Iterator[str]:
    """Yield the strings of a module that are no docstrings."""
    tree = ast.parse(source)
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in bare:
            yield node.value


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_a_straight_apostrophe(path: Path) -> None:
    assert STRAIGHT.findall(TAGS.sub("", path.read_text())) == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_sentence_in_code_has_a_straight_apostrophe(path: Path) -> None:
    if path.name in NOT_FOR_READERS:
        return
    # The spelling that editions stored before is compared with, not shown.
    found = [text for text in strings(path.read_text()) if text != "the editor's pick"]
    assert [text for text in found if STRAIGHT.search(text)] == []


def test_no_note_of_the_sample_edition_has_a_straight_apostrophe() -> None:
    notes = (ROOT / "seeds" / "picks.jsonl").read_text()
    assert STRAIGHT.findall(notes) == []
