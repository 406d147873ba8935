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
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np

from papers.text.claim_features import Abstract, Booleans, Floats, Integers

WEIGHTS: Final = Path(__file__).with_name("claim_model.json")
SUMMARY_LENGTH: Final = 14
"""Words of a typical summary, as the expectation counts them."""
REPEATED: Final = 0.25
"""What a word counts where it stands in a candidate for the second time."""
ANNOUNCEMENT_BONUS: Final = 0.05
"""The score added to a candidate that states the authors' own work.

It changes nothing on machine learning, where the weights come from, and keeps the model from
choosing background in fields whose titles repeat the background's words.
"""

# A word of an abstract is described by small numbers, each below its bound.
COLUMNS: Final = {
    "spread": 6, "first": 7, "claimed": 4, "lead": 2, "next": 2, "place": 12, "titled": 2,
    "idf": 8, "common": 2,
}  # fmt: skip
TEMPLATES: Final = (
    ("spread",), ("first",), ("next", "lead"), ("claimed",), ("place",),
    ("titled", "lead", "spread"), ("titled", "common", "lead"), ("titled", "idf"),
    ("spread", "idf"), ("lead", "idf"), ("first", "titled"), ("place", "titled"),
    ("place", "common"),
)  # fmt: skip
"""Combinations of columns; each combination of values has a weight."""
PLACES: Final = (2, 4, 6, 8, 10, 13, 16, 20, 25, 32)
PLACE_BINS: Final = np.searchsorted(PLACES, np.arange(PLACES[-1] + 1), side="right")
ELSEWHERE: Final = len(PLACES) + 1


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
BOUNDS: Final = np.array(list(COLUMNS.values())) - 1
UNKNOWN: Final = (0.0, 0.0)
LIKELIHOODS: Final = (0.01, 0.95)
"""The least and the greatest; a linear model does not keep within 0 and 1 by itself."""


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
        places = binned(abstract.features(self.idf), self.edges)
        scores: Floats = self.bins[np.arange(len(self.edges)), places].sum(axis=1)
        scores += self.expectation * expected(abstract, self.likelihoods(abstract))
        scores += ANNOUNCEMENT_BONUS * np.array(abstract.announces)
        scores += [self._gram_score(words) for words in abstract.claim_words]
        return scores

    def _gram_score(self, words: Sequence[str]) -> float:
        found = grams(words)
        known = found & self.grams.keys()
        return sum([self.grams[gram] for gram in known]) / math.sqrt(max(len(found), 1))

    def likelihoods(self, abstract: Abstract) -> Floats:
        """Return how likely each stem of an abstract stands in the summary, shape (stems,)."""
        places, lead = word_places(abstract, self.idf)
        known = [self.words.get(word, UNKNOWN) for word in abstract.vocabulary]
        own = np.array(known).reshape(-1, 2)
        values: Floats = self.word_bins[places].sum(axis=1) + own[:, 0] + lead * own[:, 1]
        return np.clip(values, *LIKELIHOODS)


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


def word_places(abstract: Abstract, idf: Mapping[str, float]) -> tuple[Integers, Booleans]:
    """Return the weights of each stem and whether it stands in the first announcement.

    Returns:
        Indices of weights, shape (stems, templates), and a mask, shape (stems,).
    """
    lead = abstract.first
    present = abstract.counts > 0
    place = np.full(len(abstract.vocabulary), ELSEWHERE)
    ids = abstract.ids[lead]
    place[ids[::-1]] = PLACE_BINS[np.minimum(np.arange(len(ids)), PLACES[-1])][::-1]
    following = present[lead + 1] if lead + 1 < len(present) else np.zeros_like(present[0])
    table = np.array([
        abstract.spread, present.argmax(axis=0), np.array(abstract.announces, int) @ present,
        present[lead], following, place, abstract.titled, abstract.weights(idf), abstract.common,
    ]).astype(np.int64)  # fmt: skip
    return np.minimum(table.T, BOUNDS) @ FACTORS + OFFSETS, present[lead]


def expected(abstract: Abstract, likelihoods: Floats) -> Floats:
    """Return the ROUGE-1 F1 that each candidate can expect with a summary."""
    counts = abstract.claim_counts
    once: Floats = (counts > 0) @ likelihoods
    overlap = once + REPEATED * (counts @ likelihoods - once)
    result: Floats = 2 * overlap / (counts.sum(axis=1) + SUMMARY_LENGTH)
    return result


@lru_cache(maxsize=1)
def shipped() -> Model:
    """Return the model of this release."""
    return Model.of(json.loads(WEIGHTS.read_text(encoding="utf-8")))
