"""What the ranking is measured against, by the liked papers and by searches in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.svm import LinearSVC

from papers.recommend.query_parsing import stems_of

K1: Final = 1.2
B: Final = 0.5
FEEDBACK_TEXTS: Final = 10
FEEDBACK_TERMS: Final = 20
FEEDBACK_WEIGHT: Final = 0.5
TOP: Final = 10
PROFILES_KEPT: Final = 1000

Floats = NDArray[np.float64]
Scorer = Callable[[tuple[int, ...]], Floats]
"""Takes the places of the liked papers and returns a score for every paper."""


def features(texts: Sequence[str], min_df: int = 5) -> Any:
    """Return papers x terms with the settings of arxiv-sanity-lite's compute.py."""
    vectorizer = TfidfVectorizer(
        strip_accents="unicode",
        stop_words="english",
        token_pattern=r"(?u)\b[a-zA-Z_][a-zA-Z0-9_]+\b",
        ngram_range=(1, 2),
        max_features=20_000,
        sublinear_tf=True,
        max_df=0.1,
        min_df=min_df,
        dtype=np.float32,
    )
    return vectorizer.fit_transform(texts)


def arxiv_sanity_lite(matrix: Any) -> Scorer:
    """Return the scorer of arxiv-sanity-lite's serve.py, an SVM fitted for each reader."""

    def scores(profile: tuple[int, ...]) -> Floats:
        liked = np.zeros(matrix.shape[0])
        liked[list(profile)] = 1
        machine = LinearSVC(class_weight="balanced", max_iter=10_000, tol=1e-6, C=0.01)
        found: Floats = machine.fit(matrix, liked).decision_function(matrix)
        return found

    return scores


def cosine(matrix: Any) -> Scorer:
    """Return a scorer by the cosine with the mean tf-idf of the liked papers (Rocchio)."""

    def scores(profile: tuple[int, ...]) -> Floats:
        found: Floats = matrix @ np.asarray(matrix[list(profile)].mean(axis=0)).ravel()
        return found

    return scores


class Bm25:
    """BM25 and RM3 on stems, as they are usually published."""

    def __init__(self, texts: Sequence[str]) -> None:
        vectorizer = CountVectorizer(analyzer=stems_of)
        counts = vectorizer.fit_transform(texts).astype(np.float64)
        self.vocabulary: dict[str, int] = vectorizer.vocabulary_
        lengths = np.asarray(counts.sum(axis=1)).ravel()
        frequency = np.bincount(counts.indices, minlength=counts.shape[1])
        self.idf = np.log((len(texts) + 1) / (frequency + 0.5))
        self.held = (counts > 0).astype(np.float64)
        self.models = counts.copy()
        self.models.data /= np.repeat(lengths, np.diff(counts.indptr))
        held = np.repeat(K1 * (1 - B + B * lengths / lengths.mean()), np.diff(counts.indptr))
        counts.data = counts.data * (K1 + 1) / (counts.data + held)
        self.weights = counts.tocsc()

    def scores(self, query: Floats) -> Floats:
        """Return BM25 of a weighted query."""
        terms = np.flatnonzero(query)
        found: Floats = self.weights[:, terms] @ (query[terms] * self.idf[terms])
        return found

    def of_likes(self, profile: tuple[int, ...]) -> Floats:
        """Return BM25 with the words of the liked papers as query, each by its share of them."""
        return self.scores(np.asarray(self.held[list(profile)].mean(axis=0)).ravel())

    def query(self, text: str) -> Floats:
        """Return a text as weights of terms that sum to one."""
        found: Floats = np.zeros(len(self.vocabulary))
        for one in stems_of(text):
            if one in self.vocabulary:
                found[self.vocabulary[one]] += 1
        return np.asarray(found / max(1.0, found.sum()), np.float64)

    def plain(self, text: str) -> list[int]:
        """Return the best by BM25."""
        return first(self.scores(self.query(text)))

    def rm3(self, text: str) -> list[int]:
        """Return the best by BM25 with a query expanded by relevance feedback."""
        query = self.query(text)
        scores = self.scores(query)
        best = np.argsort(-scores, kind="stable")[:FEEDBACK_TEXTS]
        if not scores[best].sum():
            return []
        model = np.asarray((scores[best] / scores[best].sum()) @ self.models[best]).ravel()
        model[np.argsort(-model)[FEEDBACK_TERMS:]] = 0
        expanded = (1 - FEEDBACK_WEIGHT) * query + FEEDBACK_WEIGHT * model / model.sum()
        return first(self.scores(expanded))


def first(scores: NDArray[np.floating[Any]]) -> list[int]:
    """Return the places of the ten best that have a score at all."""
    best = np.argsort(-scores, kind="stable")[:TOP]
    found: list[int] = best[scores[best] > 0].tolist()
    return found


def scorers(texts: Sequence[str], min_df: int = 5) -> dict[str, Scorer]:
    """Return every baseline by its name; each keeps the scores of the last profiles.

    Args:
        texts: Title and abstract of each paper.
        min_df: The fewest papers that hold a term of the tf-idf.
    """
    matrix = features(texts, min_df)
    found = {
        "sanity": arxiv_sanity_lite(matrix),
        "cosine": cosine(matrix),
        "BM25": Bm25(texts).of_likes,
    }
    return {name: lru_cache(PROFILES_KEPT)(scorer) for name, scorer in found.items()}


def best_of(scores: Floats, candidates: Sequence[int], top: int = TOP) -> list[int]:
    """Return the candidates with the highest scores, best first."""
    order = np.argsort(-scores[list(candidates)], kind="stable")[:top]
    return [candidates[at] for at in order]
