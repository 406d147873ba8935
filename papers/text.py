"""TeX and markup -> clean Unicode text."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# Bidirectional overrides and isolates can make a title read as something else (Trojan Source).
BIDI: Final = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
UNWANTED: Final = re.compile(rf"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\ud800-\udfff{BIDI}]")


def line(text: str) -> str:
    """One line of clean text: a title, a name."""
    return " ".join(paragraphs(text).split())


def paragraphs(text: str) -> str:
    """Clean text: wrapped lines joined, paragraphs (blank or indented lines) kept apart."""
    text = unicodedata.normalize("NFC", UNWANTED.sub("", text))
    blocks = re.split(r"\n[^\S\n]*\n", text.replace("\r\n", "\n").replace("\r", "\n"))
    return "\n\n".join(" ".join(block.split()) for block in blocks if block.strip())
