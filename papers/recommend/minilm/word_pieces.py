"""Division of texts into the word pieces of BERT's uncased vocabulary.

Source: WordPiece as in Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for
Language Understanding", NAACL 2019.
"""

from __future__ import annotations

import json
import string
import unicodedata
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

VOCABULARY: Final = Path(__file__).parent / "tokenizer.json"
MOST_PIECES: Final = 128
"""Pieces of a text that are read, as in the model's training; more cost time and add nothing."""
LONGEST_WORD: Final = 100
"""Characters of a word; a longer one is unknown."""
CHINESE: Final = (
    range(0x3400, 0x4DC0),
    range(0x4E00, 0xA000),
    range(0xF900, 0xFB00),
    range(0x20000, 0x2A6E0),
    range(0x2A700, 0x2CEB0),
    range(0x2F800, 0x2FA20),
)
"""Code points of characters that are words of their own."""


class _Characters(dict[int, str]):
    """What ``str.translate`` makes of each code point: itself, nothing, or a word of its own."""

    def __missing__(self, code: int) -> str:
        """Decide once for each code point."""
        character = chr(code)
        category = unicodedata.category(character)
        if character.isspace():
            shown = " "
        elif category == "Mn" or category.startswith("C") or code == 0xFFFD:
            shown = ""
        elif category.startswith("P") or character in string.punctuation or _is_chinese(code):
            shown = f" {character} "
        else:
            shown = character
        self[code] = shown
        return shown


_characters: Final = _Characters()


def pieces(text: str) -> list[int]:
    """Return the numbers of a text's pieces between [CLS] and [SEP], ``MOST_PIECES`` at most.

    Accents and capitals are dropped.
    """
    vocabulary = _vocabulary()
    words = unicodedata.normalize("NFD", text).lower().translate(_characters).split()
    found = [vocabulary["[CLS]"]]
    for word in words:
        found += _pieces_of(word)
        if len(found) >= MOST_PIECES:
            break
    return [*found[: MOST_PIECES - 1], vocabulary["[SEP]"]]


@lru_cache(maxsize=20_000)
def _pieces_of(word: str) -> tuple[int, ...]:
    """Return the longest pieces, from the left, that a word consists of; else [UNK]."""
    vocabulary = _vocabulary()
    unknown = (vocabulary["[UNK]"],)
    if len(word) > LONGEST_WORD:
        return unknown
    found: list[int] = []
    start = 0
    while start < len(word):
        mark = "##" if start else ""
        ends = range(len(word), start, -1)
        end = next((end for end in ends if mark + word[start:end] in vocabulary), None)
        if end is None:
            return unknown
        found.append(vocabulary[mark + word[start:end]])
        start = end
    return tuple(found)


def _is_chinese(code: int) -> bool:
    return any(code in block for block in CHINESE)


@cache
def _vocabulary() -> dict[str, int]:
    """Return the number of each piece."""
    vocabulary: dict[str, int] = json.loads(VOCABULARY.read_bytes())["model"]["vocab"]
    return vocabulary
