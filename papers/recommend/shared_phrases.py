"""Extraction of the phrases that two papers share, for the reason of a recommendation.

A phrase is two to four adjacent words of both papers, or an abbreviation in capitals. Function
words, numbers, words of links and the general English of abstracts ("significantly", "results")
are excluded, so that a phrase names a subject.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from papers.recommend.tokenize import stem
from papers.recommend.tokenize import words as words_of

MOST_PHRASES: Final = 3
"""Phrases in one reason."""
MOST_WORDS: Final = 4
"""Words in one phrase."""
COMMON_SHARE: Final = 0.1
"""The most share of the papers that may hold a phrase."""
LEAST_PAPERS: Final = 50
"""Papers from which on that limit applies."""
CACHED_TEXTS: Final = 2048
"""Texts whose phrases are cached, about 10 kB each."""
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
SEARCHED_WORD: Final = re.compile(r"[^\W_](?:[\w'’-]*\w)?")
ADVERB: Final = re.compile(r"(?!(?:anomaly|assembly|family|monopoly)\Z)\w{3,}ly")
CONNECTORS: Final = frozenset({"of"})
"""Function words that may occur inside a phrase: mixture of experts."""
QUALIFIERS: Final = frozenset(
    {"end-to-end", "general", "high", "large", "low", "open", "quality", "scale", "single", "small",
     "state", "system", "systems", "task", "tasks", "time", "training"}
)  # fmt: skip
"""General words that may be part of a phrase whose other words name a subject."""


def shared_phrases(
    one: str, other: str, holders: Callable[[str], int], papers: int
) -> tuple[str, ...]:
    """Return at most three phrases of both texts, longer and rarer ones first.

    Args:
        one: The text of the liked paper.
        other: The text of the recommended paper.
        holders: Returns the number of papers that hold a phrase.
        papers: The number of papers.
    """
    known, found = phrases(one), phrases(other)
    shared = [key for key in found if key in known]
    scores = {}
    for key in shared:
        count = max(holders(key), 1)
        if papers < LEAST_PAPERS or count <= COMMON_SHARE * papers:
            scores[key] = (1 + key.count(" ")) * math.log((papers + 2) / count)
    chosen: list[str] = []
    for key in sorted(scores, key=lambda key: (-scores[key], key)):
        if len(chosen) < MOST_PHRASES and not any(_overlap(key, taken) for taken in chosen):
            chosen.append(key)
    return tuple(min(known[key], found[key], key=_capitals) for key in chosen)


def matched_words(search: str, held: frozenset[str]) -> str:
    """Return the part of a search that a paper holds: the search itself, or sequences of its words.

    Args:
        search: The words of the search.
        held: The stems of the paper.
    """
    words = SEARCHED_WORD.findall(search)
    known = [_stems(word) <= held for word in words]
    if words and all(known):
        return search
    runs: list[list[str]] = []
    for place, word in enumerate(words):
        if known[place] and any(_stems(word)):
            if not runs or place == 0 or not known[place - 1]:
                runs.append([])
            runs[-1].append(word)
    return ", ".join(" ".join(run) for run in runs)


def _stems(word: str) -> set[str]:
    """Return the stems of a word and of its hyphenated parts, without stop words."""
    return {one for one in map(stem, words_of(word)) if one}


@lru_cache(maxsize=CACHED_TEXTS)
def phrases(text: str) -> dict[str, str]:
    """Return the phrases of a text, spelled as there, by their lower case."""
    found: dict[str, str] = {}
    for segment in SEGMENT_END.split(LINK.sub(" . ", text)):
        words = segment.split()
        for start, word in enumerate(words):
            if ABBREVIATION.fullmatch(word) and word not in NO_SUBJECT:
                found.setdefault(word.lower(), word)
            for end in range(start + 2, min(start + MOST_WORDS, len(words)) + 1):
                part = words[start:end]
                if _names_a_subject(part):
                    written = " ".join(part)
                    key = written.lower()
                    found[key] = min(found.get(key, written), written, key=_capitals)
    return found


def _names_a_subject(words: list[str]) -> bool:
    plain = [word.lower() for word in words]
    if not all(WORD.fullmatch(word) and not ADVERB.fullmatch(word) for word in words):
        return False
    if plain[0] in CONNECTORS or plain[-1] in CONNECTORS or plain[-1] in GENERAL_WORDS:
        return False
    naming = [word for word in plain if word not in GENERAL_WORDS and len(word) > 1]
    allowed = all(
        word not in GENERAL_WORDS or word in QUALIFIERS or word in CONNECTORS for word in plain
    )
    return allowed and bool(naming) and (len(naming) > 1 or plain[0] in QUALIFIERS)


def _capitals(written: str) -> tuple[int, str]:
    return sum(map(str.isupper, written)), written


def _overlap(one: str, other: str) -> bool:
    """Return whether two phrases have a word in common."""
    return not set(one.split()).isdisjoint(other.split())
