"""Words as they stand: which papers hold a phrase that a reader muted, and no others.

Letters in capitals or not, in full width or not, are alike, and so are hyphens and spaces, and
the singular and plural of the last word (``LLM`` and ``LLMs``). A star at the end stands for any
ending: ``benchmark*``. Nothing else is stemmed or left out: who mutes ``GPT-4`` still gets what is
about GPT-2, and who mutes ``new method`` gets what is new. Free of Django and of I/O.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

SCRIPTS: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Scripts without spaces between words, and Korean, whose words carry their particles."""
UNSPACED: Final = re.compile(f"[{SCRIPTS}]")
SPACED: Final = re.compile(rf"[^\W{SCRIPTS}]")
WORD: Final = re.compile(rf"[{SCRIPTS}]|[^\W{SCRIPTS}]+")
GAP: Final = re.compile(r"[\s\-\u2010-\u2015\u2212]+")
QUOTES: Final = " \"'“”„«»"
LEAST_INFLECTED: Final = 3
"""Shorter words have no plural."""
VOWELS: Final = "aeiou"
SIBILANTS: Final = ("s", "x", "z", "ch", "sh")
SIBILANTS_PLURAL: Final = ("ses", "xes", "zes", "ches", "shes")
KEPT: Final = 50_000
"""Phrases remembered for the next reader who mutes the same."""


class Wording:
    """The words of some texts, in the order in which they stand."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = [_folded(text) for text in texts]
        self._holders: dict[str, array[int]] = {}
        for place, text in enumerate(self._texts):
            for word in set(WORD.findall(text)):
                self._holders.setdefault(word, array("i")).append(place)
        self.holding = lru_cache(maxsize=KEPT)(self._holding)

    def frequency(self, phrase: str) -> int:
        """Return at most how many texts hold a phrase: as many as hold its rarest word."""
        words = WORD.findall(_folded(phrase))
        return min((len(self._holders.get(word, ())) for word in words), default=0)

    def _holding(self, phrase: str) -> array[int]:
        """Return the places of the texts that hold this phrase in whole words."""
        sought = _folded(phrase).strip(QUOTES)
        if sought.endswith("*") and (stem := sought.rstrip("* ")):
            return self._any_of(self._beginning_with(stem))
        if not WORD.findall(sought):
            every = enumerate(self._texts)
            return array("i", [place for place, text in every if sought and sought in text])
        return self._any_of(inflections(sought))

    def _any_of(self, phrases: Iterable[str]) -> array[int]:
        """Return the places of the texts that hold one of these phrases, rising."""
        return array("i", sorted({place for one in phrases for place in self._exactly(one)}))

    def _exactly(self, sought: str) -> Iterable[int]:
        words = WORD.findall(sought)
        rarest = min((self._holders.get(word, array("i")) for word in words), key=len)
        if words == [sought]:
            return rarest
        return [place for place in rarest if _stands_in(self._texts[place], sought)]

    def _beginning_with(self, stem: str) -> Iterable[str]:
        """Yield the phrase with each of the words that its last one begins."""
        words = WORD.findall(stem)
        if words and stem.endswith(words[-1]):
            head = stem[: len(stem) - len(words[-1])]
            yield from (head + word for word in self._holders if word.startswith(words[-1]))


def inflections(phrase: str) -> set[str]:
    """Return a phrase with the singular and plural of its last word: LLM, LLMs; study, studies."""
    word = WORD.findall(phrase)[-1]
    found = {phrase}
    if not phrase.endswith(word) or len(word) < LEAST_INFLECTED or not word.isalpha():
        return found
    head = phrase[: len(phrase) - len(word)]
    if word.endswith("ies"):
        found.add(head + word[:-3] + "y")
    elif word.endswith(SIBILANTS_PLURAL):
        found.add(head + word[:-2])
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        found.add(head + word[:-1])
    if word.endswith("y") and word[-2] not in VOWELS:
        found.add(head + word[:-1] + "ies")
    elif word.endswith(SIBILANTS):
        found.add(head + word + "es")
    elif not word.endswith("s"):
        found.add(head + word + "s")
    return found


def _folded(text: str) -> str:
    """The text without what makes no difference to a reader."""
    plain = text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
    return GAP.sub(" ", plain.replace("’", "'")).strip()


def _stands_in(text: str, phrase: str) -> bool:
    start = text.find(phrase)
    while start >= 0:
        end = start + len(phrase)
        before, after = text[start - 1 : start], text[end : end + 1]
        if not _goes_on(phrase[0], before) and not _goes_on(phrase[-1], after):
            return True
        start = text.find(phrase, start + 1)
    return False


def _goes_on(edge: str, beyond: str) -> bool:
    """Whether a word reaches over the edge of a phrase; only one of a spaced script can."""
    return bool(SPACED.match(beyond)) and not UNSPACED.match(edge)
