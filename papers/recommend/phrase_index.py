"""Words as they stand: which papers hold a phrase that a reader muted, and no others.

Letters in capitals or not, in full width or not, are alike, and so are hyphens and spaces. Nothing
is stemmed or left out: who mutes ``GPT-4`` still gets what is about GPT-2, and who mutes ``new
method`` gets what is new. Free of Django and of I/O.
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

    def _holding(self, phrase: str) -> array[int]:
        """The places of the texts that hold this phrase in whole words."""
        sought = _folded(phrase).strip(QUOTES)
        words = WORD.findall(sought)
        if not words:
            every = enumerate(self._texts)
            return array("i", [place for place, text in every if sought and sought in text])
        rarest = min((self._holders.get(word, array("i")) for word in words), key=len)
        if words == [sought]:
            return rarest
        return array("i", [place for place in rarest if _stands_in(self._texts[place], sought)])


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
