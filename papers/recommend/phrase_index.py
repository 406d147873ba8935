"""Inverted index of unstemmed words, to find the papers that hold a muted phrase.

Case, width, and hyphens or spaces make no difference, nor does the singular or plural of the last
word (``LLM`` and ``LLMs``). A star at the end matches any ending: ``benchmark*``. Nothing else is
stemmed and no stop word is dropped: ``GPT-4`` does not match GPT-2, nor ``new method`` a text that
says "new" only. Free of Django and of I/O.
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
"""Scripts without spaces between words, and Korean, whose particles are part of a word."""
UNSPACED: Final = re.compile(f"[{SCRIPTS}]")
SPACED: Final = re.compile(rf"[^\W{SCRIPTS}]")
WORD: Final = re.compile(rf"[{SCRIPTS}]|[^\W{SCRIPTS}]+")
GAP: Final = re.compile(r"[\s\-\u2010-\u2015\u2212]+")
QUOTES: Final = " \"'“”„«»"
LEAST_INFLECTED: Final = 3
"""Letters of the shortest word that is inflected."""
VOWELS: Final = "aeiou"
SIBILANTS: Final = ("s", "x", "z", "ch", "sh")
SIBILANTS_PLURAL: Final = ("ses", "xes", "zes", "ches", "shes")
CACHED_PHRASES: Final = 50_000
"""Phrases whose papers are cached; several readers mute the same."""


class PhraseIndex:
    """Inverted index of some texts by their normalised words."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = [_normalised(text) for text in texts]
        self._postings: dict[str, array[int]] = {}
        for place, text in enumerate(self._texts):
            for word in set(WORD.findall(text)):
                self._postings.setdefault(word, array("i")).append(place)
        self.places_of = lru_cache(maxsize=CACHED_PHRASES)(self._places_of)

    def _places_of(self, phrase: str) -> array[int]:
        """Return the places of the texts that hold this phrase as whole words."""
        wanted = _normalised(phrase).strip(QUOTES)
        if wanted.endswith("*") and (stem := wanted.rstrip("* ")):
            return self._places_of_any(self._completions(stem))
        if not WORD.findall(wanted):
            every = enumerate(self._texts)
            return array("i", [place for place, text in every if wanted and wanted in text])
        return self._places_of_any(inflections(wanted))

    def _places_of_any(self, phrases: Iterable[str]) -> array[int]:
        """Return the places of the texts that hold one of these phrases, ascending."""
        return array(
            "i", sorted({place for one in phrases for place in self._places_of_exactly(one)})
        )

    def _places_of_exactly(self, wanted: str) -> Iterable[int]:
        words = WORD.findall(wanted)
        rarest = min((self._postings.get(word, array("i")) for word in words), key=len)
        if words == [wanted]:
            return rarest
        return [place for place in rarest if _contains(self._texts[place], wanted)]

    def _completions(self, stem: str) -> Iterable[str]:
        """Yield the phrase with each known word that starts with its last one."""
        words = WORD.findall(stem)
        if words and stem.endswith(words[-1]):
            head = stem[: len(stem) - len(words[-1])]
            yield from (head + word for word in self._postings if word.startswith(words[-1]))


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


def _normalised(text: str) -> str:
    """Return a text without differences of case, width, hyphens and spaces."""
    plain = text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
    return GAP.sub(" ", plain.replace("’", "'")).strip()


def _contains(text: str, phrase: str) -> bool:
    start = text.find(phrase)
    while start >= 0:
        end = start + len(phrase)
        before, after = text[start - 1 : start], text[end : end + 1]
        if not _continues(phrase[0], before) and not _continues(phrase[-1], after):
            return True
        start = text.find(phrase, start + 1)
    return False


def _continues(edge: str, beyond: str) -> bool:
    """Return whether a word crosses the edge of a phrase; only in a spaced script it can."""
    return bool(SPACED.match(beyond)) and not UNSPACED.match(edge)
