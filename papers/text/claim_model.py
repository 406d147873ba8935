"""Score the sentences of an abstract: which one would its authors give as their summary?

The model is linear. A candidate's score estimates its ROUGE-1 F1 with a summary written by the
authors, less the mean of its abstract. It adds up

- a weight for the bin of each number of ``claim_features``;
- the weights of its stems and pairs of stems, divided by the square root of how many they are;
- the ROUGE-1 that is to be expected: a second linear model estimates for each word of the abstract
  how likely it stands in the summary, from its place, its frequency, the title and the word itself.

The weights come from ``benchmarks/summary_training.py`` and stand in ``claim_model.json``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np

from papers.text.claim_features import BEYOND, COMMON, RARE, Abstract, Floats, Integers

WEIGHTS: Final = Path(__file__).with_name("claim_model.json")
SUMMARY_LENGTH: Final = 14
"""Words of a typical summary, as the expectation counts them."""
REPEATED: Final = 0.25
"""What a word counts where it stands in a candidate for the second time."""
ANNOUNCEMENT_BONUS: Final = 0.05
"""What a candidate gains that says what the authors did.

It changes nothing on machine learning, where the weights come from, and keeps the model from
choosing background in fields whose titles repeat the background's words.
"""

# A word of an abstract is described by small numbers, each below its bound.
COLUMNS: Final = {
    "spread": 6, "first": 7, "part": 6, "claimed": 4, "strong": 3, "lead": 2, "next": 2,
    "place": 12, "titled": 2, "idf": 8, "common": 2, "digit": 2, "sentences": 11,
}  # fmt: skip
TEMPLATES: Final = (
    ("spread",), ("first",), ("part",), ("next", "lead"), ("claimed", "strong"), ("place",),
    ("sentences",), ("titled", "lead", "spread"), ("titled", "common", "lead"), ("titled", "idf"),
    ("spread", "idf"), ("lead", "idf"), ("digit",), ("strong", "lead", "titled"),
    ("first", "titled"), ("place", "titled"), ("place", "common"),
)  # fmt: skip
"""Combinations of columns; each combination of values has a weight."""
PARTS: Final = np.array([0.01, 0.2, 0.4, 0.6, 0.8])
PLACES: Final = np.array([2, 4, 6, 8, 10, 13, 16, 20, 25, 32])
FREQUENCIES: Final = np.arange(1.0, 8.0)


def _layout() -> tuple[Integers, Integers, int]:
    """Return factors (columns, templates) and offsets that turn columns into places of weights."""
    names = list(COLUMNS)
    factors = np.zeros((len(names), len(TEMPLATES)), np.int64)
    offsets, total = [], 0
    for number, template in enumerate(TEMPLATES):
        size = 1
        for name in reversed(template):
            factors[names.index(name), number] = size
            size *= COLUMNS[name]
        offsets.append(total)
        total += size
    return factors, np.array(offsets), total


FACTORS, OFFSETS, WORD_BINS = _layout()


@dataclass(frozen=True)
class Model:
    """The weights.

    ``edges`` has shape (features, edges), padded with infinity, ``bins`` (features, edges + 1);
    ``words`` gives a stem's weight and what is added in the first announcement.
    """

    edges: Floats
    bins: Floats
    grams: Mapping[str, float]
    expectation: float
    idf: Mapping[str, float]
    word_bins: Floats
    words: Mapping[str, tuple[float, float]]

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Model:
        """Return the model that was stored as JSON."""
        width = max(map(len, content["edges"]))
        edges = np.full((len(content["edges"]), width), np.inf)
        bins = np.zeros((len(edges), width + 1))
        for row, (found, weights) in enumerate(zip(content["edges"], content["bins"], strict=True)):
            edges[row, : len(found)] = found
            bins[row, : len(weights)] = weights
        words = {stem: (one, first) for stem, (one, first) in content["words"].items()}
        return cls(
            edges, bins, content["grams"], content["expectation"], content["idf"],
            np.array(content["word_bins"]), words,
        )  # fmt: skip

    def scores(self, abstract: Abstract) -> Floats:
        """Return one score for each candidate, higher is better."""
        features = abstract.features(self.idf)
        places = binned(features, self.edges)
        scores: Floats = self.bins[np.arange(len(self.edges)), places].sum(axis=1)
        scores += self.expectation * expected(abstract, self.likelihoods(abstract))
        scores += ANNOUNCEMENT_BONUS * np.array(abstract.announces)
        for row, words in enumerate(abstract.claim_words):
            found = grams(words)
            known = found & self.grams.keys()
            total = sum([self.grams[gram] for gram in known])
            scores[row] += total / max(len(found), 1) ** 0.5
        return scores

    def likelihoods(self, abstract: Abstract) -> dict[str, float]:
        """Return for each stem of an abstract how likely it stands in the summary."""
        places, lead = word_places(abstract, self.idf)
        values = self.word_bins[places].sum(axis=1).tolist()
        return {
            word: value + one + first * led
            for word, value, led in zip(abstract.counts, values, lead, strict=True)
            for one, first in (self.words.get(word, (0.0, 0.0)),)
        }


def binned(features: Floats, edges: Floats) -> Integers:
    """Return in which bin each number lies, shape (candidates, features)."""
    places: Integers = (features[:, :, None] >= edges[None]).sum(axis=2)
    return places


def grams(words: Sequence[str]) -> set[str]:
    """Return the stems of a candidate, the pairs of neighbours, and how it begins."""
    found = set(words)
    found.update([f"{one} {other}" for one, other in pairwise(words)])
    if words:
        found.add(f"^{words[0]}")
        found.add(f"^{' '.join(words[:2])}")
    return found


def word_places(abstract: Abstract, idf: Mapping[str, float]) -> tuple[Integers, list[bool]]:
    """Return which weights each stem has, shape (stems, templates), and which are in the first
    announcement; in the order of ``abstract.counts``."""
    lead, titled, count = abstract.first, set(abstract.title), len(abstract.sentences)
    first: dict[str, int] = {}
    claimed, strong = Counter[str](), Counter[str]()
    for number, words in enumerate(abstract.words):
        kinds = set(words)
        if abstract.announces[number]:
            claimed.update(kinds)
        if abstract.strong[number]:
            strong.update(kinds)
        for word in kinds:
            first.setdefault(word, number)
    place: dict[str, int] = {}
    for position, word in enumerate(abstract.words[lead] if abstract.words else ()):
        place.setdefault(word, position)
    following = set(abstract.words[lead + 1]) if lead + 1 < count else set()
    rows = [
        (abstract.spread[word], first[word], 0, claimed[word], strong[word], word in place,
         word in following, place.get(word, BEYOND), word in titled, 0, word in COMMON,
         not word.isalpha(), count)
        for word in abstract.counts
    ]  # fmt: skip
    table = np.array(rows, np.int64).reshape(-1, len(COLUMNS))
    table[:, 2] = np.searchsorted(PARTS, table[:, 1] / max(count - 1, 1), side="right")
    within = np.searchsorted(PLACES, table[:, 7], side="right")
    table[:, 7] = np.where(table[:, 5] > 0, within, COLUMNS["place"] - 1)
    frequencies = [idf.get(word, RARE) for word in abstract.counts]
    table[:, 9] = np.searchsorted(FREQUENCIES, frequencies, side="right")
    table = np.minimum(table, np.array(list(COLUMNS.values())) - 1)
    return table @ FACTORS + OFFSETS, [word in place for word in abstract.counts]


def expected(abstract: Abstract, likelihoods: Mapping[str, float]) -> Floats:
    """Return the ROUGE-1 F1 that each candidate can expect with a summary."""
    bounded = {word: min(max(value, 0.01), 0.95) for word, value in likelihoods.items()}
    found = []
    for words in abstract.claim_words:
        kinds = set(words)
        once = sum([bounded[word] for word in kinds])
        every = sum([bounded[word] for word in words])
        overlap = once + REPEATED * (every - once)
        found.append(2 * overlap / (len(words) + SUMMARY_LENGTH))
    return np.array(found)


@lru_cache(maxsize=1)
def shipped() -> Model:
    """Return the model of this release."""
    return Model.of(json.loads(WEIGHTS.read_text(encoding="utf-8")))
