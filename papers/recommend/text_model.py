"""What ranking derives from the texts of papers alone, and so can keep between runs.

Free of Django and of I/O.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from papers.recommend.queries import QueryIndex
from papers.recommend.shared_phrases import PhraseTable
from papers.recommend.similarity import SimilarityModel
from papers.recommend.tfidf import Vocabulary

Vectors = NDArray[np.floating]
"""Sentence vectors; they are stored with 16 bits a number."""


class Text(Protocol):
    """A paper with its texts."""

    @property
    def id(self) -> str:
        """Its canonical id."""

    @property
    def title(self) -> str:
        """The title."""

    @property
    def abstract(self) -> str:
        """The abstract; empty where there is none."""

    @property
    def text(self) -> str:
        """The title and the abstract."""


class TextModel:
    """The similarities, searches and phrases of some papers, the candidates first.

    Attributes:
        ids: The papers.
        candidate_count: How many of them, from the first, are candidates.
        vocabulary: Their terms.
        similarity: Their similarities by terms and, with vectors, by meaning.
    """

    def __init__(
        self,
        papers: Sequence[Text],
        candidate_count: int,
        vectors: Mapping[str, Vectors] | None = None,
    ) -> None:
        """Index the texts.

        Args:
            papers: The papers, the candidates first.
            candidate_count: How many of them are candidates.
            vectors: Sentence vectors by id.
        """
        self.ids = [paper.id for paper in papers]
        self.candidate_count = candidate_count
        self._papers = papers
        texts = [paper.text for paper in papers]
        self.vocabulary = Vocabulary(texts)
        self.similarity = SimilarityModel(
            self.vocabulary.matrix,
            candidate_count,
            stack(self.ids, vectors).astype(np.float32) if vectors else None,
            mean_words(papers),
            self.vocabulary.named,
        )
        del self.vocabulary.matrix  # The similarities hold what is needed of it.

    def __getstate__(self) -> dict[str, Any]:
        """Return what is stored of the model; the papers themselves come from the database."""
        self.complete()
        return self.__dict__ | {"_papers": ()}

    @cached_property
    def searches(self) -> QueryIndex:
        """The inverted index for searches."""
        candidates = self._papers[: self.candidate_count]
        return QueryIndex([one.title for one in candidates], [one.abstract for one in candidates])

    @cached_property
    def phrases(self) -> PhraseTable:
        """The phrases that several papers hold."""
        return PhraseTable([paper.text for paper in self._papers])

    def use(self, papers: Sequence[Text]) -> None:
        """Take the papers of a model that was stored without them."""
        self._papers = papers

    def complete(self) -> None:
        """Compute what is else computed on the first use."""
        _ = self.searches, self.phrases
        self.similarity.compute_thresholds()


def mean_words(papers: Sequence[Text]) -> float:
    """Return the mean length of some texts in words."""
    return sum(paper.text.count(" ") for paper in papers) / max(1, len(papers))


def stack(ids: Sequence[str], vectors: Mapping[str, Vectors]) -> Vectors:
    """Return vectors as papers x dimensions, zero where a paper has none."""
    nothing = np.zeros_like(next(iter(vectors.values())))
    return np.stack([vectors.get(paper, nothing) for paper in ids])
