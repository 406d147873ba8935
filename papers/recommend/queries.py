"""Searches in plain words against the candidates: BM25 with phrases, coverage and feedback.

A search is a list of concepts: a word, an abbreviation with the long form that the papers
themselves give it, or a phrase in quotes. For a paper d and a search q with concepts c of weight
w(c) = idf(c), names in capitals ``CAPITALS_WEIGHT`` times that,

    evidence(d) = (sum over c of w(c) * tf(c, d)
                   + sum over neighbouring c, c' of mean(w(c), w(c')) / distance(c, c')
                     * (PHRASE_WEIGHT * tf(c c', d) + PROXIMITY_WEIGHT * tf(c .. c', d)))
                  * coverage(d) ** COVERAGE_POWER

where tf is BM25's saturated term frequency, in which a word that only shares the stem with the
typed one counts ``DERIVED_WEIGHT``, ``c c'`` the two in the order and within the distance of the
search, ``c .. c'`` both within ``PROXIMITY_WINDOW`` positions of one sentence (sequential
dependence model: Metzler and Croft, SIGIR 2005). coverage(d) is the mean of two shares of weight:
of the concepts in the whole search, and in the part between two small words that d covers least,
so that *gaussian splatting for driving scenes* asks for both. A concept that d only mentions, far
from the others, counts half. Pseudo-relevance feedback (RM3: Lavrenko and Croft, SIGIR 2001;
Abdul-Jaleel et al., TREC 2004) adds, with ``FEEDBACK_WEIGHT``, the terms that the best
``FEEDBACK_TEXTS`` share.

A paper with a few of the words need not be about the subject: ``QueryEvaluation.matching``
(``papers/recommend/query_evaluation.py``) decides which papers are found at all. Free of Django
and of I/O.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from papers.recommend.abbreviations import Abbreviations
from papers.recommend.gap_coded_rows import GapCodedRows
from papers.recommend.positions import PositionIndex, Scores
from papers.recommend.query_concepts import ConceptFinder
from papers.recommend.query_evaluation import QueryEvaluation
from papers.recommend.query_parsing import Word, parse

CACHED_SEARCHES: Final = 1000
"""Searches whose results are cached, with some 16 bytes for each paper found."""
LEAST_SHARE_OF_BEST: Final = 0.03
"""Score of a paper that is found, as a share of that of the best one."""
CLEAR_SHARE_OF_BEST: Final = 0.5
"""The same of a paper that a digest may hold,"""
LEAST_CLEAR_SCORE: Final = 0.01
"""and the least score of such a paper."""
FEEDBACK_WEIGHT: Final = 0.15
"""Share of the expanded query in the score."""
FEEDBACK_TEXTS: Final = 10
"""The best papers that feedback takes to be relevant."""
FEEDBACK_TERMS: Final = 20
"""Terms of the expanded query."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The papers that a search finds.

    Attributes:
        places: The matching candidates, ascending.
        scores: For each, its relevance, above 0 and at most 1: evidence / the most possible.
        known: Whether any candidate holds one of the words.
        words: The words of the search.
        held: For each place, its concepts: see ``QueryEvaluation.held``.
        together: For each place, whether it holds the search as it was meant,
        subject: and whether it does so more than in passing: see ``QueryEvaluation.standing``.
        clear: For each place, whether a digest may hold it; others only mention the subject.
        titled: For each place, whether its title holds neighbouring words of the search.
    """

    places: NDArray[np.int32]
    scores: Scores
    known: bool
    words: tuple[Word, ...]
    held: NDArray[np.bool_]
    together: NDArray[np.bool_]
    subject: NDArray[np.bool_]
    clear: NDArray[np.bool_]
    titled: NDArray[np.bool_]

    @property
    def clear_places(self) -> NDArray[np.int32]:
        """The places of the candidates that a digest may hold."""
        return self.places[self.clear]


class QueryIndex:
    """Inverted index of the candidates for searches, with a cache of recent results."""

    def __init__(self, titles: Sequence[str], abstracts: Sequence[str]) -> None:
        self.positions = PositionIndex(titles, abstracts)
        texts = (f"{title}. {text}" for title, text in zip(titles, abstracts, strict=True))
        self._finder = ConceptFinder(self.positions, Abbreviations(texts))
        counts = self.positions.counts()
        self._counts = GapCodedRows(counts)
        self._lengths = np.maximum(1, np.asarray(counts.sum(axis=1), np.float32).ravel())
        frequency = np.bincount(counts.indices, minlength=counts.shape[1])
        self._idf = np.log((len(titles) + 1) / (frequency + 0.5)).astype(np.float32)
        self._cache: OrderedDict[str, SearchResult] = OrderedDict()

    def search(self, text: str) -> SearchResult:
        """Return the papers that a search finds, from the cache where it has them."""
        if text not in self._cache:
            self._cache[text] = self._evaluate(text)
            while len(self._cache) > CACHED_SEARCHES:
                self._cache.popitem(last=False)
        self._cache.move_to_end(text)
        return self._cache[text]

    def _evaluate(self, text: str) -> SearchResult:
        query, words = QueryEvaluation(self._finder, text), parse(text).words
        if not query.known:
            nothing, none = np.empty(0, np.int32), np.empty(0, bool)
            held = query.held(nothing)
            return SearchResult(
                nothing, np.empty(0, np.float32), False, words, held, none, none, none, none
            )
        places = np.flatnonzero(query.matching).astype(np.int32)
        scores = self._with_feedback(query.evidence, places) / query.most_evidence
        best = scores.max(initial=0)
        kept = scores >= LEAST_SHARE_OF_BEST * best
        # The papers about a single concept differ in no more than how often they name it.
        least = CLEAR_SHARE_OF_BEST * best if len(query.concepts) > 1 else 0.0
        least = max(LEAST_CLEAR_SCORE, least)
        clear = query.clear[places] & (scores >= least)
        found, places = np.clip(scores[kept], 1e-6, 1), places[kept]
        together, subject = (mask[places] for mask in query.standing)
        held, titled = query.held(places), query.titled[places]
        return SearchResult(
            places, found, True, words, held, together, subject, clear[kept], titled
        )

    def _with_feedback(self, evidence: Scores, places: NDArray[np.int32]) -> Scores:
        """Return the evidence of some candidates, mixed with their score for the expanded query.

        A term weighs its mean frequency in the best texts, each in proportion to its evidence,
        times its idf.
        """
        found = evidence[places]
        if len(places) < 2:
            return found
        best = places[np.argsort(-found, kind="stable")[:FEEDBACK_TEXTS]]
        weights = evidence[best] / self._lengths[best]
        shared = np.asarray(weights @ self._counts[best], np.float32) * self._idf
        terms = np.argsort(-shared, kind="stable")[:FEEDBACK_TERMS]
        query = np.zeros_like(shared)
        query[terms] = shared[terms] * self._idf[terms]
        held = self._counts[places]
        held.data = self.positions.saturate(held.data, np.repeat(places, np.diff(held.indptr)))
        expanded = np.asarray(held @ query, np.float32)
        expanded *= found.max() / max(float(expanded.max()), 1e-9)
        return np.asarray((1 - FEEDBACK_WEIGHT) * found + FEEDBACK_WEIGHT * expanded, np.float32)
