"""Describe how a sentence stands in its abstract: the input of the claim-sentence model.

A sentence and the same sentence without its lead-in are two *candidates* of one abstract. What
is said of them needs no knowledge of the field: position, length, words shared with the title
and with the rest of the abstract, and the verbs with which authors announce what they did.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
import snowballstemmer
from numpy.typing import NDArray

from papers.text.sentences import Claim, claims

WORD: Final = re.compile(r"[a-z0-9]+")
VERBS: Final = (
    r"propos|present|introduc|develop|describ|show|demonstrat|stud(?:y|ie)|investigat|explor|"
    r"address|analy[sz]|prov(?:e|ing|id)|establish|deriv|formulat|devis|examin|design|consider|"
    r"report|argu|find|found|suggest|us(?:e|ing)|aim|focus|discuss|measur|comput|obtain|determin|"
    r"construct|calculat|estimat|evaluat|compar|review|survey|give|generali[sz]|characteri[sz]|"
    r"classif|model|perform|extend|observ|apply|appli"
)
ANNOUNCED: Final = re.compile(
    rf"\b(?:we|i|paper|work|article|study|thesis|note|letter|report|here|authors?)\s"
    rf"(?:\w{{1,20}}\s){{0,2}}?({VERBS})\w{{0,6}}\b"
    rf"|\b(?:is|are|was|were|been)\s(?:\w{{1,20}}\s)?({VERBS})\w{{0,4}}ed\b",
    re.IGNORECASE,
)
"""What the authors say that they did, in the active or in the passive voice."""
STRONG: Final = ("propos", "present", "introduc", "develop", "describ", "report")
"""Verbs that bring something new."""
OWN: Final = re.compile(
    r"\b(?:we|our|this (?:paper|work|article|study|thesis|note|letter|report))\b", re.IGNORECASE
)
PRONOUN: Final = re.compile(r"(?:it|they|this|these|those|such|its|their|he|that)\b", re.IGNORECASE)
COMMON: Final = frozenset(
    re.findall(
        r"\S+",
        """
a an the of to in and or for with on by is are was were be been that this these those it its as at
from we our i which can has have had not but also such than then their they there when while where
how what who will may more most some any each both between into over under using used use via
""",
    )
)
NOWHERE: Final = -50
"""The distance to a sentence that the abstract does not have."""
BEYOND: Final = 99
"""The place of a word that does not stand in the first announcement."""
RARE: Final = 8.0
"""The idf of a stem that few training abstracts hold."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_stem = snowballstemmer.stemmer("porter").stemWord


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """Return the stem of a lower-case word; short words are their own."""
    return str(_stem(word)) if 3 < len(word) <= 40 else word


def stems(text: str) -> list[str]:
    """Return the stems of the words of a text, in their order."""
    return [stem(word) for word in WORD.findall(text.lower())]


class Abstract:
    """The sentences of one abstract with their words, counted once for all candidates."""

    def __init__(self, title: str, sentences: Sequence[str]) -> None:
        self.sentences = list(sentences)
        self.claims: list[Claim] = claims(self.sentences)
        self.title = stems(title)
        self.words = [stems(sentence) for sentence in self.sentences]
        self.counts = Counter([word for sentence in self.words for word in sentence])
        self.length = sum(map(len, self.words))
        self.spread = Counter([word for sentence in self.words for word in set(sentence)])
        self.claims_at = [ANNOUNCED.search(claim.text) for claim in self.claims]
        announced = self.claims_at
        self.announces = [found is not None for found in announced]
        self.strong = [
            found is not None and (found[1] or found[2]).lower().startswith(STRONG)
            for found in announced
        ]
        self.own_at = [OWN.search(sentence) for sentence in self.sentences]
        self.own = [found is not None for found in self.own_at]

    @cached_property
    def first(self) -> int:
        """The first sentence that brings something new, else announces, else says "we"."""
        for flags in (self.strong, self.announces, self.own):
            if True in flags:
                return flags.index(True)
        return 0

    @cached_property
    def claim_words(self) -> list[list[str]]:
        """The stems of each candidate."""
        return [
            words[len(WORD.findall(sentence[: claim.cut].lower())) :] if claim.cut else words
            for sentence, claim, words in zip(self.sentences, self.claims, self.words, strict=True)
        ]

    def features(self, idf: Mapping[str, float]) -> Floats:
        """Return one row of numbers for each candidate, shape (candidates, features).

        Args:
            idf: The inverse document frequency of stems; unknown ones count as ``RARE``.
        """
        weights = {word: idf.get(word, RARE) for word in (*self.counts, *self.title)}
        length = math.sqrt(sum([(n * weights[word]) ** 2 for word, n in self.counts.items()]))
        rows = [
            [*self._place(claim), *self._cues(claim), *self._spelling(claim.text),
             *self._content(words, weights, length or 1.0)]
            for claim, words in zip(self.claims, self.claim_words, strict=True)
        ]  # fmt: skip
        return np.array(rows, np.float64)

    def _place(self, claim: Claim) -> list[float]:
        """Where the sentence stands, also as seen from the first announcements."""
        at, count = claim.sentence, len(self.sentences)
        before = sum(map(len, self.words[:at]))
        return [
            at, count, at / max(count - 1, 1), count - 1 - at,
            before / max(self.length, 1),
            *[at - flags.index(True) if True in flags else NOWHERE
              for flags in (self.announces, self.strong, self.own)],
            sum(self.announces[:at]), sum(self.strong[:at]), sum(self.own[:at]),
            sum(self.announces), sum(self.strong),
        ]  # fmt: skip

    def _cues(self, claim: Claim) -> list[float]:
        """What the sentence and its neighbours announce."""
        at = claim.sentence
        after = at + 1 < len(self.sentences)
        announced, own = self.claims_at[at], self.own_at[at]
        return [
            self.announces[at], self.strong[at], self.own[at],
            announced.start() if announced else -1, own.start() if own else -1,
            at > 0 and self.own[at - 1], after and self.own[at + 1],
            after and self.announces[at + 1], claim.cut, claim.cut > 0,
        ]  # fmt: skip

    def _spelling(self, text: str) -> list[float]:
        """How the sentence is written."""
        return [
            len(text), PRONOUN.match(text) is not None, text[:1].islower(),
            sum(map(str.isdigit, text)), text.count("("), text.count(","), text.count(":"),
            text.count("%"), text.count('"') + text.count("“") + text.count("`"),
            "http" in text, text.count("$"), "?" in text, text.count("-"),
            sum(map(str.isupper, text)),
        ]  # fmt: skip

    def _content(
        self, words: Sequence[str], weights: Mapping[str, float], length: float
    ) -> list[float]:
        """How much the sentence shares with the title and with the rest of the abstract.

        Args:
            words: The stems of the candidate.
            weights: The idf of every stem of the abstract and of its title.
            length: The Euclidean norm of the abstract's tf-idf vector.
        """
        kinds, titled = set(words), set(self.title)
        shared = kinds & titled
        common = sum([weights[word] for word in shared])
        own = [weights[word] for word in kinds]
        total = sum(own)
        norm = math.sqrt(sum([value * value for value in own])) or 1.0
        size, spread = max(len(words), 1), self.spread
        spreads = [spread[word] for word in kinds - COMMON]
        return [
            len(words), len(words) / max(self.length, 1), len(shared) / max(len(titled), 1),
            common / max(sum([weights[word] for word in titled]), 0.1), common / max(total, 0.1),
            2 * len(shared) / max(len(kinds) + len(titled), 1),
            sum([weights[word] ** 2 * self.counts[word] for word in kinds]) / length / norm,
            sum([number > 1 for number in spreads]) / size,
            sum(spreads, -len(spreads)) / size,
            total / max(len(kinds), 1), sum([word in COMMON for word in words]) / size,
        ]  # fmt: skip
