"""Describe how a sentence stands in its abstract: the input of the claim-sentence model.

A sentence and the same sentence without its lead-in are two *candidates* of one abstract. What
is said of them needs no knowledge of the field: position, length, words shared with the title
and with the rest of the abstract, and the verbs with which authors announce what they did.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray

from papers.text.sentences import Claim, claims

WORD: Final = re.compile(r"[a-z0-9]+")
STEM_LENGTH: Final = 7
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
"""Statements of the authors' own work, in the active or in the passive voice."""
STRONG: Final = ("propos", "present", "introduc", "develop", "describ", "report")
"""Verbs that bring something new."""
OWN: Final = re.compile(
    r"\b(?:we|our|this (?:paper|work|article|study|thesis|note|letter|report))\b", re.IGNORECASE
)
PRONOUN: Final = re.compile(r"(?:it|they|this|these|those|such|its|their|he|that)\b", re.IGNORECASE)
DIGIT: Final = re.compile(r"\d")
CAPITAL: Final = re.compile(r"[A-Z]")
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
RARE: Final = 8.0
"""The idf of a stem that few training abstracts hold."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


def stems(text: str) -> list[str]:
    """Return the words of a text, each cut after ``STEM_LENGTH`` letters, in their order.

    A cut word serves as its stem here; a stemmer takes fifty times as long and chooses no better.
    """
    return [word[:STEM_LENGTH] for word in WORD.findall(text.lower())]


class Abstract:
    """The sentences of one abstract with their words, counted once for all candidates.

    ``vocabulary`` holds the different stems in the order of their first places. ``counts`` and
    ``claim_counts`` say how often each sentence and each candidate has each of them, shape
    (sentences, stems).
    """

    def __init__(self, title: str, sentences: Sequence[str]) -> None:
        self.sentences = list(sentences)
        self.claims: list[Claim] = claims(self.sentences)
        self.title = frozenset(stems(title))
        self.words = [stems(sentence) for sentence in self.sentences]
        index: dict[str, int] = {}
        self.ids = [[index.setdefault(one, len(index)) for one in some] for some in self.words]
        self.vocabulary = list(index)
        self.counts = self._count(self.ids)
        self.titled = np.array([word in self.title for word in self.vocabulary], bool)
        self.common = np.array([word in COMMON for word in self.vocabulary], bool)
        self.announced_at = [ANNOUNCED.search(claim.text) for claim in self.claims]
        self.announces = [found is not None for found in self.announced_at]
        self.strong = [
            found is not None and (found[1] or found[2]).lower().startswith(STRONG)
            for found in self.announced_at
        ]
        self.own_at = [OWN.search(sentence) for sentence in self.sentences]
        self.own = [found is not None for found in self.own_at]
        skipped = [
            len(WORD.findall(sentence[: claim.cut].lower())) if claim.cut else 0
            for sentence, claim in zip(self.sentences, self.claims, strict=True)
        ]
        self.claim_words = [
            words[cut:] if cut else words for words, cut in zip(self.words, skipped, strict=True)
        ]
        self.claim_counts = self.counts.copy()
        for row, cut in enumerate(skipped):
            if cut:
                kept = np.array(self.ids[row][cut:], np.int64)
                self.claim_counts[row] = np.bincount(kept, minlength=len(index))

    def _count(self, ids: Sequence[Sequence[int]]) -> Integers:
        """Return how often each row has each stem, shape (rows, stems)."""
        shape = len(ids), len(self.vocabulary)
        rows = np.repeat(np.arange(shape[0]) * shape[1], [len(some) for some in ids])
        places = rows + np.array([*chain(*ids)], np.int64)
        return np.bincount(places, minlength=shape[0] * shape[1]).reshape(shape)

    @cached_property
    def first(self) -> int:
        """The first sentence that introduces something new, else announces, else contains "we"."""
        for flags in (self.strong, self.announces, self.own):
            if True in flags:
                return flags.index(True)
        return 0

    @cached_property
    def spread(self) -> Integers:
        """The number of sentences that have each stem, shape (stems,)."""
        spread: Integers = (self.counts > 0).sum(axis=0)
        return spread

    def weights(self, idf: Mapping[str, float]) -> Floats:
        """Return the inverse document frequency of each stem, ``RARE`` for unknown ones."""
        return np.array([idf.get(word, RARE) for word in self.vocabulary], np.float64)

    def features(self, idf: Mapping[str, float]) -> Floats:
        """Return one row of numbers for each candidate, shape (candidates, features).

        Args:
            idf: The inverse document frequency of stems.
        """
        rows = [
            [*self._place(claim), *self._cues(claim), *self._spelling(claim.text)]
            for claim in self.claims
        ]
        return np.hstack([np.array(rows, np.float64), self._content(idf)])

    def _place(self, claim: Claim) -> list[float]:
        """Where the sentence stands, also as seen from the first announcements."""
        at, count = claim.sentence, len(self.sentences)
        before, length = sum(map(len, self.words[:at])), sum(map(len, self.words))
        return [
            at, count, at / max(count - 1, 1), count - 1 - at,
            before / max(length, 1),
            *[at - flags.index(True) if True in flags else NOWHERE
              for flags in (self.announces, self.strong, self.own)],
            sum(self.announces[:at]), sum(self.strong[:at]), sum(self.own[:at]),
            sum(self.announces), sum(self.strong),
        ]  # fmt: skip

    def _cues(self, claim: Claim) -> list[float]:
        """Return the features of the cue words in the sentence and its neighbours."""
        at = claim.sentence
        after = at + 1 < len(self.sentences)
        announced, own = self.announced_at[at], self.own_at[at]
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
            len(DIGIT.findall(text)), text.count("("), text.count(","), text.count(":"),
            text.count("%"), text.count('"') + text.count("“") + text.count("`"),
            "http" in text, text.count("$"), "?" in text, text.count("-"),
            len(CAPITAL.findall(text)),
        ]  # fmt: skip

    def _content(self, idf: Mapping[str, float]) -> Floats:
        """Return what the candidates share with the title and with the rest of the abstract."""
        weights = self.weights(idf)
        title = sum([idf.get(word, RARE) for word in self.title])
        counts = self.counts.sum(axis=0)
        rare = self.spread * ~self.common
        # Of each stem: what is added up over the different stems of a candidate.
        table = np.array([
            np.ones_like(weights), self.titled, weights, weights * self.titled, weights**2,
            weights**2 * counts, rare > 1, rare - (rare > 0),
        ])  # fmt: skip
        sums = ((self.claim_counts > 0) @ table.T).T
        kinds, shared, total, common_weight, squares, products, repeated, spread = sums
        length = math.sqrt(((counts * weights) ** 2).sum()) or 1.0
        sizes = self.claim_counts.sum(axis=1)
        words, kinds = np.maximum(sizes, 1), np.maximum(kinds, 1)
        return np.column_stack([
            sizes, sizes / max(counts.sum(), 1), shared / max(len(self.title), 1),
            common_weight / max(title, 0.1), common_weight / np.maximum(total, 0.1),
            2 * shared / (kinds + len(self.title)),
            products / length / np.sqrt(np.maximum(squares, 1e-9)), repeated / words,
            spread / words, total / kinds, self.claim_counts @ self.common / words,
        ])  # fmt: skip
