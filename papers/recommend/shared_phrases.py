"""The phrases that two papers share, as a person would name them in a reason.

A phrase is two to four words that stand together in both papers, or an abbreviation in capitals.
It holds no function words, numbers or words of links, and none of the general English of
abstracts ("significantly", "results"), so that what is left names a subject.
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
LONGEST_PHRASE: Final = 4
COMMON_SHARE: Final = 0.1
"""A phrase that more of the papers hold says nothing about two of them."""
FEW_PAPERS: Final = 50
"""Among fewer papers no phrase counts as common."""
TEXTS_KEPT: Final = 2048
"""Texts whose phrases are remembered, about 10 kB each."""
LINK: Final = re.compile(r"\S*(?:://|www\.|\.(?:ai|com|dev|edu|io|net|org)\b)\S*", re.IGNORECASE)
SEGMENT_END: Final = re.compile(r"[^\w\s'’-]+|\s[-–—]+\s|_+")
WORD: Final = re.compile(r"[^\W\d_](?:[\w'’-]*\w)?")
ABBREVIATION: Final = re.compile(
    r"(?=[A-Za-z0-9-]*(?:[A-Z][A-Za-z0-9]*[A-Z]|-to-))[A-Z][A-Za-z0-9-]+"
)
"""RAG, MLLMs, ImageNet, Text-to-Music."""
NO_SUBJECT: Final = frozenset({"AI", "II", "III", "IV", "SOTA", "TL", "DR", "USA", "UK", "EU"})
GENERAL: Final = frozenset(
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
INNER: Final = frozenset({"of"})
"""Words that may stand inside a phrase: mixture of experts."""
QUALIFIERS: Final = frozenset(
    {"end-to-end", "general", "high", "large", "low", "open", "quality", "scale", "single", "small",
     "state", "system", "systems", "task", "tasks", "time", "training"}
)  # fmt: skip
"""General words that may begin a phrase or stand in it where the others name a subject."""


def shared_phrases(
    one: str, other: str, holders: Callable[[str], int], papers: int
) -> tuple[str, ...]:
    """Return at most three phrases that stand in both texts, the most telling first.

    Args:
        one: The text of the liked paper.
        other: The text of the paper with the reason, whose spelling is used.
        holders: Returns how many papers hold a phrase.
        papers: The number of papers.
    """
    known, found = phrases(one), phrases(other)
    shared = [key for key in found if key in known]
    scores = {}
    for key in shared:
        count = max(holders(key), 1)
        if papers < FEW_PAPERS or count <= COMMON_SHARE * papers:
            scores[key] = (1 + key.count(" ")) * math.log((papers + 2) / count)
    chosen: list[str] = []
    for key in sorted(scores, key=lambda key: (-scores[key], key)):
        if len(chosen) < MOST_PHRASES and not any(_overlap(key, taken) for taken in chosen):
            chosen.append(key)
    return tuple(min(known[key], found[key], key=_capitals) for key in chosen)


def matched_words(search: str, held: frozenset[str]) -> str:
    """Return what of a search a paper holds: the search itself, or runs of its words.

    Args:
        search: The words that are searched for.
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
    """Return the stems of a word and its parts; none for a word without meaning."""
    return {one for one in map(stem, words_of(word)) if one}


@lru_cache(maxsize=TEXTS_KEPT)
def phrases(text: str) -> dict[str, str]:
    """Return the phrases of a text by their words in lower case, each as it is written."""
    found: dict[str, str] = {}
    for segment in SEGMENT_END.split(LINK.sub(" . ", text)):
        words = segment.split()
        for start, word in enumerate(words):
            if ABBREVIATION.fullmatch(word) and word not in NO_SUBJECT:
                found.setdefault(word.lower(), word)
            for end in range(start + 2, min(start + LONGEST_PHRASE, len(words)) + 1):
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
    if plain[0] in INNER or plain[-1] in INNER or plain[-1] in GENERAL:
        return False
    naming = [word for word in plain if word not in GENERAL and len(word) > 1]
    allowed = all(word not in GENERAL or word in QUALIFIERS or word in INNER for word in plain)
    return allowed and bool(naming) and (len(naming) > 1 or plain[0] in QUALIFIERS)


def _capitals(written: str) -> tuple[int, str]:
    return sum(map(str.isupper, written)), written


def _overlap(one: str, other: str) -> bool:
    """Whether one phrase says what the other does: they have a run of words in common."""
    return not set(one.split()).isdisjoint(other.split())
