"""Train the claim-sentence model on SciTLDR-A and write its weights.

``python -m benchmarks.summary_training`` writes ``papers/text/claim_model.json`` anew. Both parts
of the model are ridge regressions, solved by conjugate gradients; nothing is drawn at random, so
the same data and the same versions give the same weights.
"""

from __future__ import annotations

import gzip
import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import LinearOperator, cg
from Stemmer import Stemmer

from papers.text.claim_features import WORD, Abstract, Floats, Integers, stems
from papers.text.claim_model import (
    WEIGHTS,
    WORD_BINS,
    Model,
    binned,
    expected,
    grams,
    word_places,
)

DATA: Final = Path(__file__).parent / "data" / "scitldr"
BINS: Final = 10
INNER_FOLDS: Final = 5
RARE_GRAM: Final = 5
RARE_WORD: Final = 8
GRAM_PENALTY: Final = 30.0
WORD_PENALTY: Final = 10.0
EXPECTATION_SCALE: Final = 3.0
DIGITS: Final = 4
SMALLEST: Final = 0.002


_stem = Stemmer("porter").stemWord


@dataclass(frozen=True)
class Example:
    """One abstract with its reference summaries."""

    paper: str
    title: str
    abstract: Abstract
    targets: list[str]
    target_words: list[list[str]]
    gains: Floats


@cache
def stem(word: str) -> str:
    """Return the stem of a word as ROUGE takes it (Porter 1980); short words are their own."""
    return str(_stem(word)) if len(word) > 3 else word


def rouge_words(text: str) -> list[str]:
    """Return the words of a text as ROUGE compares them."""
    return [stem(word) for word in WORD.findall(text.lower())]


def rouge_1(words: Sequence[str], target: Sequence[str]) -> float:
    """Return the F1 of the words that two texts share (Lin 2004)."""
    overlap = sum((Counter(words) & Counter(target)).values())
    return 2 * overlap / max(len(words) + len(target), 1)


def load(part: str) -> list[Example]:
    """Return the examples of ``train`` or ``dev``."""
    with gzip.open(DATA / f"{part}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [example(json.loads(line)) for line in file]


def example(row: dict[str, Any]) -> Example:
    """Return one example with what each candidate would score."""
    abstract = Abstract(row["title"], row["source"])
    targets = [stems(target) for target in row["target"]]
    wanted = [rouge_words(target) for target in row["target"]]
    said = [rouge_words(claim.text) for claim in abstract.claims]
    gains = [max(rouge_1(words, target) for target in wanted) for words in said]
    return Example(row["paper_id"], row["title"], abstract, row["target"], targets, np.array(gains))


def ridge(design: sp.csr_matrix, wanted: Floats, penalty: float) -> tuple[Floats, float]:
    """Return weights and intercept of a ridge regression."""
    means = np.asarray(design.mean(axis=0)).ravel()
    middle = wanted.mean()

    def product(vector: Floats) -> Floats:
        return design.T @ (design @ vector - means @ vector) - means * float(
            (design @ vector - means @ vector).sum()
        ) + penalty * vector  # fmt: skip

    size = design.shape[1]
    operator = LinearOperator((size, size), matvec=product, dtype=np.float64)
    right = design.T @ (wanted - middle)
    weights, _ = cg(operator, right, rtol=1e-5, maxiter=1000)
    return weights, float(middle - means @ weights)


def one_hot(places: Integers, width: int) -> sp.csr_matrix:
    """Return a matrix with a one at each place of each row."""
    count, wide = places.shape
    rows = np.repeat(np.arange(count), wide)
    return sp.csr_matrix((np.ones(count * wide), (rows, places.ravel())), (count, width))


class WordModel:
    """How likely a word of an abstract stands in the summary."""

    def __init__(self, examples: Sequence[Example], idf: dict[str, float]) -> None:
        self.idf = idf
        seen = Counter(word for one in examples for word in one.abstract.vocabulary)
        self.known = {word: at for at, word in enumerate(sorted(
            word for word, count in seen.items() if count >= RARE_WORD))}  # fmt: skip
        design = sp.vstack([self.design(one) for one in examples]).tocsr()
        weights, intercept = ridge(design, np.concatenate(list(map(present, examples))),
                                   WORD_PENALTY)  # fmt: skip
        size = len(self.known)
        self.bins = weights[:WORD_BINS]
        self.bins[:6] += intercept  # Each word has one of the first template's six values.
        self.words = {word: (weights[WORD_BINS + at], weights[WORD_BINS + size + at])
                      for word, at in self.known.items()}  # fmt: skip

    def design(self, one: Example) -> sp.csr_matrix:
        """Return the features of an example's sentences, one row a sentence."""
        places, lead = word_places(one.abstract, self.idf)
        stems_of = np.array([self.known.get(word, -1) for word in one.abstract.vocabulary])
        size = len(self.known)
        rows = np.arange(len(stems_of))
        first = (stems_of >= 0) & lead
        entries = [places.ravel(), WORD_BINS + stems_of[stems_of >= 0],
                   WORD_BINS + size + stems_of[first]]  # fmt: skip
        at = [np.repeat(rows, places.shape[1]), rows[stems_of >= 0], rows[first]]
        columns = np.concatenate(entries)
        shape = (len(rows), WORD_BINS + 2 * size)
        return sp.csr_matrix((np.ones(len(columns)), (np.concatenate(at), columns)), shape)


def present(one: Example) -> Floats:
    """Return for each stem of an abstract in which share of its summaries it stands."""
    kinds = [set(words) for words in one.target_words]
    return np.array([sum(word in kind for kind in kinds) / len(kinds)
                     for word in one.abstract.vocabulary])  # fmt: skip


def train(examples: Sequence[Example]) -> Model:
    """Return a model of these examples.

    The expectations that the sentences' model sees come from word models that have not seen the
    abstract.
    """
    idf = frequencies(examples)
    expectations = np.concatenate(held_out(examples, idf))
    features = np.vstack([one.abstract.features(idf) for one in examples])
    edges = quantiles(features)
    width = edges.shape[1] + 1
    places = binned(features, edges) + width * np.arange(len(edges))
    found = [grams(words) for one in examples for words in one.abstract.claim_words]
    seen = Counter(gram for some in found for gram in some)
    known = {gram: at for at, gram in enumerate(sorted(
        gram for gram, count in seen.items() if count >= RARE_GRAM))}  # fmt: skip
    design = sp.hstack([
        one_hot(places, width * len(edges)),
        sp.csr_matrix(EXPECTATION_SCALE * expectations[:, None]),
        gram_matrix(found, known),
    ]).tocsr()  # fmt: skip
    wanted = np.concatenate([one.gains - one.gains.mean() for one in examples])
    weights, _ = ridge(design, wanted, GRAM_PENALTY)
    bins, rest = weights[: width * len(edges)], weights[width * len(edges) :]
    words = WordModel(examples, idf)
    return Model(
        edges, bins.reshape(len(edges), width),
        {gram: rest[1 + at] for gram, at in known.items()},
        EXPECTATION_SCALE * rest[0], idf, words.bins, words.words,
    )  # fmt: skip


def frequencies(examples: Sequence[Example]) -> dict[str, float]:
    """Return the idf of the stems that several abstracts hold."""
    seen = Counter(word for one in examples for word in one.abstract.vocabulary)
    return {word: round(math.log((len(examples) + 1) / (count + 1)), 2)
            for word, count in sorted(seen.items()) if count >= RARE_GRAM}  # fmt: skip


def held_out(examples: Sequence[Example], idf: dict[str, float]) -> list[Floats]:
    """Return what each candidate can expect, by models that have not seen its abstract."""
    found: list[Floats] = [np.zeros(0)] * len(examples)
    for fold in range(INNER_FOLDS):
        model = WordModel([one for at, one in enumerate(examples) if at % INNER_FOLDS != fold],
                          idf)  # fmt: skip
        for at in range(fold, len(examples), INNER_FOLDS):
            abstract = examples[at].abstract
            whole = Model(np.zeros((0, 0)), np.zeros((0, 1)), {}, 0.0, idf, model.bins,
                          model.words)  # fmt: skip
            found[at] = expected(abstract, whole.likelihoods(abstract))
    return found


def quantiles(features: Floats) -> Floats:
    """Return the edges between bins of each feature, shape (features, BINS - 1)."""
    edges = np.full((features.shape[1], BINS - 1), np.inf)
    for row, values in enumerate(features.T):
        different = np.unique(values)
        shares = np.linspace(0, 1, BINS + 1)[1:-1]
        found = different[1:] if len(different) <= BINS else np.unique(np.quantile(values, shares))
        edges[row, : len(found)] = found
    return edges


def gram_matrix(found: Sequence[set[str]], known: dict[str, int]) -> sp.csr_matrix:
    """Return the grams of each candidate, a row divided by the square root of their number."""
    rows, columns, values = [], [], []
    for row, some in enumerate(found):
        kept = [known[gram] for gram in sorted(some) if gram in known]
        rows += [row] * len(kept)
        columns += kept
        values += [max(len(some), 1) ** -0.5] * len(kept)
    return sp.csr_matrix((values, (rows, columns)), (len(found), len(known)))


def stored(model: Model) -> dict[str, Any]:
    """Return the model as JSON: rounded, without what weighs nothing."""
    edges = [[value for value in row if math.isfinite(value)] for row in model.edges.tolist()]
    bins = [row[: len(found) + 1] for row, found in zip(model.bins.tolist(), edges, strict=True)]
    grams_kept = {gram: round(value, 3) for gram, value in model.grams.items()}
    words = {word: [round(one, 3), round(first, 3)] for word, (one, first) in model.words.items()}
    return {
        "edges": [[_short(value) for value in row] for row in edges],
        "bins": [[round(value, DIGITS) for value in row] for row in bins],
        "expectation": round(model.expectation, DIGITS),
        "word_bins": [round(value, DIGITS) for value in model.word_bins.tolist()],
        "grams": {gram: value for gram, value in grams_kept.items() if abs(value) >= SMALLEST},
        "idf": model.idf,
        "words": words,
    }


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def main() -> None:
    """Train on all data and write the weights."""
    content = stored(train([*load("train"), *load("dev")]))
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    WEIGHTS.write_text(text + "\n", encoding="utf-8")
    print(f"{WEIGHTS.name}: {len(text) // 1000} kB, {len(content['grams'])} grams, "
          f"{len(content['words'])} words")  # fmt: skip


if __name__ == "__main__":
    main()
