"""Choose the claim sentence: the one sentence of an abstract that states the contribution.

The sentence stands in the cleaned abstract as it is. Only a lead-in ("In this paper, ") may be
left out, and the first letter is then raised. Nothing is written anew, so nothing can be wrong
that the authors did not say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np

from papers.text.claim_features import Abstract
from papers.text.claim_model import shipped
from papers.text.sentences import split

ABSTRACT_LENGTH: Final = 20_000
"""Characters of an abstract that are read; arXiv allows 1,920."""
SENTENCES: Final = 60
SENTENCE_LENGTH: Final = 600
"""Characters of a sentence that can still be read at a glance."""
SENTENCE_WORDS: Final = 4
WORD: Final = re.compile(r"[^\W_]+")
ENGLISH: Final = frozenset(
    re.findall(
        r"\S+",
        """
and are be been between by can for from has have how into its not our show than that the these this
to using we which with
""",
    )
)
"""Frequent words that other languages do not have."""
ENGLISH_SHARE: Final = 0.06
"""The share of its words in ``ENGLISH`` from which an abstract counts as English."""
SENTENCE_IN_ENGLISH: Final = 8
"""A sentence of so many words without one in ``ENGLISH`` is in another language."""
WITHDRAWAL: Final = re.compile(
    r"(?:(?:this|the|our)\s(?:\w{1,20}\s){0,3}?(?:(?:has|have)\sbeen|is|was)\s(?:\w{1,20}\s)?"
    r"|(?:paper|article|submission|manuscript)\s|we\s(?:have\s)?)?"
    r"(?:withdrawn|retracted|withdraw\sthis)\b(?!\s(?:from(?!\s(?:the\s)?arxiv)|the|a)\b)",
    re.IGNORECASE,
)


def claim_sentence(title: str, abstract: str) -> str:
    """Return the claim sentence of a cleaned abstract, or an empty string.

    Empty when there is no abstract, when it is not in English, which is the model's language, or
    when no sentence is short enough. A notice of withdrawal is the truest sentence of its paper.
    """
    return claim_among(title, split(abstract[:ABSTRACT_LENGTH]))


def claim_among(title: str, sentences: Sequence[str]) -> str:
    """Return the claim sentence among the cleaned sentences of an abstract, or an empty string."""
    sentences = sentences[:SENTENCES]
    if notice := _notice(sentences):
        return notice
    words = [WORD.findall(sentence.lower()) for sentence in sentences]
    if not _in_english(words):
        return ""
    usable = [one for one, some in zip(sentences, words, strict=True) if _usable(one, some)]
    if not usable:
        return ""
    abstract = Abstract(title, usable)
    return abstract.claims[int(np.argmax(shipped().scores(abstract)))].text


def withdrawal_notice(abstract: str) -> str:
    """Return the sentence of a cleaned abstract that withdraws the paper, or an empty string."""
    return _notice(split(abstract[:ABSTRACT_LENGTH]))


def _notice(sentences: Sequence[str]) -> str:
    notices = (sentence for sentence in sentences if WITHDRAWAL.match(sentence))
    return next((notice for notice in notices if len(notice) <= SENTENCE_LENGTH), "")


def _in_english(sentences: Sequence[Sequence[str]]) -> bool:
    known = sum([word in ENGLISH for words in sentences for word in words])
    return bool(known) and known >= ENGLISH_SHARE * sum(map(len, sentences))


def _usable(sentence: str, words: Sequence[str]) -> bool:
    """Whether a sentence is one, in English, and neither too long nor an announcement of a list."""
    if len(sentence) > SENTENCE_LENGTH or sentence.endswith(":") or len(words) < SENTENCE_WORDS:
        return False
    return len(words) < SENTENCE_IN_ENGLISH or not ENGLISH.isdisjoint(words)
