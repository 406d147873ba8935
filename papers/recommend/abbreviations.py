"""Abbreviations and their definitions in the texts: "text-to-speech (TTS)".

The algorithm is that of Schwartz and Hearst (Pacific Symposium on Biocomputing, 2003): the
letters of the short form in brackets are matched from right to left in the words before it, and
the first of them must begin a word. Free of Django and of I/O.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from papers.recommend.tokenize import stem, words

SHORT_FORM: Final = re.compile(r"\(([A-Za-z][\w-]{1,9})\)")
LONG_FORM_CHARACTERS: Final = 120
"""Characters before a bracket that may hold the long form."""
LEAST_TEXTS: Final = 2
"""Texts that must define a long form of an ambiguous abbreviation,"""
LEAST_SHARE: Final = 0.3
"""and their least share of the texts that define it."""

Stems = tuple[str, ...]


class Abbreviations:
    """Short forms and long forms, both stemmed, as some texts define them.

    Attributes:
        long_forms: Stem of a short form to the stems of its long forms, most frequent first.
        short_forms: Stems of a long form to the stems of its short forms.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        counts: dict[str, Counter[Stems]] = defaultdict(Counter)
        for text in texts:
            for short, long in set(definitions(text)):
                counts[short][long] += 1
        self.long_forms: dict[str, list[Stems]] = {}
        self.short_forms: dict[Stems, list[str]] = defaultdict(list)
        for short, found in counts.items():
            whole = found.total()
            kept = [
                long
                for long, count in found.most_common()
                if count == whole or (count >= LEAST_TEXTS and count >= LEAST_SHARE * whole)
            ]
            self.long_forms[short] = kept
            for long in kept:
                self.short_forms[long].append(short)


def definitions(text: str) -> Iterator[tuple[str, Stems]]:
    """Yield the definitions in a text: stem of the short form, stems of the long form."""
    for match in SHORT_FORM.finditer(text):
        short = match.group(1)
        if sum(letter.isupper() for letter in short) < 2:
            continue
        if len(short) > 2 and short.endswith("s") and short[-2].isupper():
            short = short[:-1]
        before = text[max(0, match.start() - LONG_FORM_CHARACTERS) : match.start()].rsplit(". ", 1)[
            -1
        ]
        long = tuple(one for one in map(stem, words(_long_form(short.lower(), before))) if one)
        if len(long) > 1:
            yield stem(short.lower()), long


def _long_form(short: str, before: str) -> str:
    """Return the suffix of ``before`` that ``short`` abbreviates; empty if there is none."""
    letters = [letter for letter in short if letter.isalnum()]
    most = min(len(letters) + 5, 2 * len(letters))
    text = " ".join(words(before)[-most:])
    at = len(text)
    for number, letter in reversed(list(enumerate(letters))):
        at = text.rfind(letter, 0, at)
        while number == 0 and at > 0 and text[at - 1] != " ":
            at = text.rfind(letter, 0, at)
        if at < 0:
            return ""
    return text[at:]
