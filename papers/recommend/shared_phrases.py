"""Extraction of the phrases that two papers share, for the reason of a recommendation.

A phrase is two to four adjacent words of both papers, or an abbreviation in capitals. Function
words, numbers, words of links and the general English of abstracts ("significantly", "results")
are excluded, so that a phrase names a subject.
"""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

MOST_PHRASES: Final = 3
"""Phrases in one reason."""
MOST_WORDS: Final = 4
"""Words in one phrase."""
COMMON_SHARE: Final = 0.1
"""The most share of the papers that may hold a phrase."""
LEAST_PAPERS: Final = 50
"""Papers from which on that limit applies."""
CACHED_WORDS: Final = 100_000
"""Words whose classes are cached."""
LINK: Final = re.compile(r"\S*(?:://|www\.|\.(?:ai|com|dev|edu|io|net|org)\b)\S*", re.IGNORECASE)
SEGMENT_END: Final = re.compile(r"[^\w\s'’-]+|\s[-–—]+\s|_+")
WORD: Final = re.compile(r"[^\W\d_](?:[\w'’-]*\w)?")
ABBREVIATION: Final = re.compile(
    r"(?=[A-Za-z0-9-]*(?:[A-Z][A-Za-z0-9]*[A-Z]|-to-))[A-Z][A-Za-z0-9-]+"
)
"""RAG, MLLMs, ImageNet, Text-to-Music."""
NO_SUBJECT: Final = frozenset({"AI", "II", "III", "IV", "SOTA", "TL", "DR", "USA", "UK", "EU"})
GENERAL_WORDS: Final = frozenset(
    re.findall(
        r"\S+",
        """
a about above accessible achieve achieved achieves achieving across additional additionally address
addresses after against aim aims all allow allows almost along also although among an analysis
analyze and another any application applications approach approaches are as aspect aspects at
available base based be because become becomes been before being best better between beyond both
broad build builds but by can capture captured captures case cases challenge challenges challenging
code codes common commonly compare compared comparison comprehensive consider consistent
consistently contribution contributions could create created creates creating crucial current
currently demonstrate demonstrated demonstrates demonstrating despite develop developed did
different difficult direct directly diverse do does due during each easily effective effectively
effectiveness efficiency efficient efficiently either elicit enable enables enabling end enhance
enhanced ensure ensures especially evaluate evaluated evaluation even every example examples
existing experiment experimental experiments explore exploring extensive fail fails few field
finally find findings finds first focus following for four framework frameworks from fully further
furthermore gap general generally generate generated generates generating given gives good great
greatly growing harmful has have having hence here high high-quality higher highly how however http
https i idea if important importantly improve improved improvement improvements improves improving
in including increasing increasingly inherent insight insights instead interesting into introduce
introduced introduces introducing introduction investigate is issue issues it its itself key lack
lacks large largely larger last lead leading leads less level levels like limitation limitations
limited low lower made main mainly major make makes making many may mechanism meet method methods
metric metrics might more moreover most much multiple must namely nature near need needed needs new
not notable notably novel now number observe obtain of off often on one only open or other others
our out outperform outperforms over overall own paper papers particular particularly per perform
performance performs play plays point points popular possible potential practical present presented
presents pretrained previous previously prior problem problems procedure procedures project
promising propose proposed proposes proposing prove provide provided provides providing publicly
quality quite range rather recent recently reduce reduced reduces reducing related release remain
remains request requests require required requires research resource resources respectively result
resulting results reveal reveals role same sample samples scale scenario scenarios second see
series set sets several show showing shown shows significant significantly similar simple simply
since single small so solution solutions some specific specifically state states still strategies
strategy strong studies study substantial substantially such superior support surpass system
systems take takes task tasks technique techniques than that the their them then there therefore
these they this those three through thus time times to together toward towards trained training two
type types typically under understand understanding up upon us use used useful uses using usually
valuable various very via was way ways we well were what when where whether which while who whose
why wide will with within without work works would yet you your
""",
    )
)
"""Function words and the general English of abstracts."""
ADVERB: Final = re.compile(r"(?!(?:anomaly|assembly|family|monopoly)\Z)\w{3,}ly")
CONNECTORS: Final = frozenset({"of"})
"""Function words that may occur inside a phrase: mixture of experts."""
QUALIFIERS: Final = frozenset(
    {"end-to-end", "general", "high", "large", "low", "open", "quality", "scale", "single", "small",
     "state", "system", "systems", "task", "tasks", "time", "training"}
)  # fmt: skip
"""General words that may be part of a phrase whose other words name a subject."""


class WordClass(NamedTuple):
    """What one word may be in a phrase.

    Attributes:
        lower: The word in lower case.
        is_part: Whether it may be part of a phrase.
        names: Whether it names a subject.
        qualifies: Whether a phrase may begin with it and one naming word.
        is_connector: Whether it may only stand inside.
        may_end: Whether a phrase may end with it.
        is_abbreviation: Whether it is a phrase by itself.
    """

    lower: str
    is_part: bool
    names: bool
    qualifies: bool
    is_connector: bool
    may_end: bool
    is_abbreviation: bool


class PhraseTable:
    """The phrases of many texts that at least two of them hold."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._count = len(texts)
        numbers: dict[str, int] = {}
        ids, lengths = array("i"), array("i")
        for text in texts:
            found = phrases(text)
            ids.extend([numbers.setdefault(key, len(numbers)) for key in found])
            lengths.append(len(found))
        found_ids = np.array(ids, np.int32)
        counts = np.bincount(found_ids, minlength=len(numbers))
        renumbered = np.cumsum(counts > 1, dtype=np.int32) - 1
        kept = counts[found_ids] > 1
        rows = np.repeat(np.arange(len(texts)), np.array(lengths, np.intp))[kept]
        self._ids = renumbered[found_ids[kept]]
        self._starts = np.searchsorted(rows, np.arange(len(texts) + 1))
        self._names = [name for name, count in zip(numbers, counts, strict=True) if count > 1]
        self._counts = counts[counts > 1]

    def shared(self, one: int, other: int, texts: Sequence[str]) -> tuple[str, ...]:
        """Return at most three phrases of both texts, longer and rarer ones first.

        Args:
            one: The number of a text.
            other: The number of another.
            texts: These two texts, which say how the phrases are spelled.
        """
        return self._best(self._ids_of(one) & self._ids_of(other), texts)

    def shared_with(self, text: str, other: int, other_text: str) -> tuple[str, ...]:
        """Return the same for a text that is not among those of the table."""
        known = phrases(text)
        both = {number for number in self._ids_of(other) if self._names[number] in known}
        return self._best(both, (text, other_text))

    def _best(self, both: set[int], texts: Sequence[str]) -> tuple[str, ...]:
        most = self._count * (COMMON_SHARE if self._count >= LEAST_PAPERS else 1)
        scores = {}
        for number in both:
            if (count := int(self._counts[number])) <= most:
                key = self._names[number]
                scores[key] = (1 + key.count(" ")) * math.log((self._count + 2) / count)
        chosen: list[str] = []
        for key in sorted(scores, key=lambda key: (-scores[key], key)):
            if len(chosen) < MOST_PHRASES and not any(_overlap(key, taken) for taken in chosen):
                chosen.append(key)
        return tuple(_spelled(key, texts) for key in chosen)

    def _ids_of(self, text: int) -> set[int]:
        return set(self._ids[self._starts[text] : self._starts[text + 1]].tolist())


def _spelled(key: str, texts: Sequence[str]) -> str:
    """Return a phrase as the texts write it, with the fewest capitals."""
    written = [one for text in texts for one in _occurrences(key, text)]
    if " " not in key:
        written = [one for one in written if ABBREVIATION.fullmatch(one)]
    return min(written, key=_capitals, default=key)


def _occurrences(key: str, text: str) -> Iterator[str]:
    """Yield the places of a text that hold a phrase as whole words, as they are written there."""
    lower = text.lower()
    start = lower.find(key)
    while start >= 0 and len(lower) == len(text):
        end = start + len(key)
        if not (lower[start - 1 : start] + lower[end : end + 1]).strip(" .,;:!?()'’\"/"):
            yield text[start:end]
        start = lower.find(key, end)


def phrases(text: str) -> dict[str, str]:
    """Return the phrases of a text, spelled as there, by their lower case."""
    found: dict[str, str] = {}
    for segment in SEGMENT_END.split(LINK.sub(" . ", text)):
        words = segment.split()
        classes = list(map(_word_class, words))
        for start, first in enumerate(classes):
            if first.is_abbreviation:
                found.setdefault(first.lower, words[start])
            for end in _ends(classes, start):
                written = " ".join(words[start:end])
                key = written.lower()
                found[key] = min(found.get(key, written), written, key=_capitals)
    return found


def _ends(classes: Sequence[WordClass], start: int) -> Iterator[int]:
    """Yield the ends of the phrases of two words and more that begin at a word."""
    first = classes[start]
    if not first.is_part or first.is_connector:
        return
    naming = int(first.names)
    for end in range(start + 2, min(start + MOST_WORDS, len(classes)) + 1):
        last = classes[end - 1]
        if not last.is_part:
            return
        naming += last.names
        if last.may_end and (naming > 1 or (naming and first.qualifies)):
            yield end


@lru_cache(maxsize=CACHED_WORDS)
def _word_class(word: str) -> WordClass:
    lower = word.lower()
    general = lower in GENERAL_WORDS
    connector = lower in CONNECTORS
    is_word = bool(WORD.fullmatch(word)) and not ADVERB.fullmatch(word)
    return WordClass(
        lower,
        is_part=is_word and (not general or lower in QUALIFIERS or connector),
        names=not general and len(lower) > 1,
        qualifies=lower in QUALIFIERS,
        is_connector=connector,
        may_end=not general and not connector,
        is_abbreviation=bool(ABBREVIATION.fullmatch(word)) and word not in NO_SUBJECT,
    )


def _capitals(written: str) -> tuple[int, str]:
    return sum(map(str.isupper, written)), written


def _overlap(one: str, other: str) -> bool:
    """Return whether two phrases have a word in common."""
    return not set(one.split()).isdisjoint(other.split())
