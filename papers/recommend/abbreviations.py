"""Abbreviations that the papers themselves explain: "text-to-speech (TTS)".

The algorithm is that of Schwartz and Hearst (Pacific Symposium on Biocomputing, 2003): the
letters of what stands in brackets are looked for from right to left in the words before it, and
its first letter begins a word. Free of Django and of I/O.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from papers.recommend.tokenize import stem, words

SHORT_FORM: Final = re.compile(r"\(([A-Za-z][\w-]{1,9})\)")
REACH: Final = 120
"""Characters before a bracket in which its long form is looked for."""
LEAST_TEXTS: Final = 2
"""An ambiguous abbreviation means only what at least so many texts say it means,"""
LEAST_SHARE: Final = 0.3
"""and this share of the texts that explain it."""

Stems = tuple[str, ...]


class Abbreviations:
    """Short forms and long forms, both by their stems, as some texts explain them.

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
    """Yield the abbreviations that a text explains: stem of the short form, stems of the long."""
    for match in SHORT_FORM.finditer(text):
        short = match.group(1)
        if sum(letter.isupper() for letter in short) < 2:
            continue
        if len(short) > 2 and short.endswith("s") and short[-2].isupper():
            short = short[:-1]
        before = text[max(0, match.start() - REACH) : match.start()].rsplit(". ", 1)[-1]
        long = tuple(one for one in map(stem, words(_long_form(short.lower(), before))) if one)
        if len(long) > 1:
            yield stem(short.lower()), long


def _long_form(short: str, before: str) -> str:
    """Return the end of ``before`` that spells ``short``; empty if none does."""
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
