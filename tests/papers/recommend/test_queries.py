"""Searches are worked out together, and come out as if each were alone."""

from __future__ import annotations

import numpy as np
import pytest

from papers.recommend import queries
from papers.recommend.index import Document, Index
from papers.recommend.profile import Profile
from papers.recommend.ranking import interests

PAPERS = [
    Document("q", "Quantization of language models", "Weights in four bits, kept in memory."),
    Document("r", "Dense retrieval with language models", "Passages found by their vectors."),
    Document("c", "Coral reefs from space", "Satellites see the bleaching of reefs."),
]
TEXTS = ["quantization of weights", "coral reefs", "dense retrieval"]


def test_many_searches_together_score_as_each_does_alone() -> None:
    together = Index(PAPERS)
    together.prepare([Profile(texts=TEXTS), Profile(texts=TEXTS[:1])])
    for text in TEXTS:
        [found] = interests(together, Profile(texts=[text]))
        [alone] = interests(Index(PAPERS), Profile(texts=[text]))
        np.testing.assert_allclose(found.scores, alone.scores, rtol=1e-3)


def test_what_no_longer_fits_into_memory_is_worked_out_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queries, "KEPT", 1)
    index = Index(PAPERS)
    index.prepare([Profile(texts=TEXTS)])
    best = [next(i.best())[0] for i in interests(index, Profile(texts=TEXTS))]
    assert [PAPERS[place].id for place in best] == ["q", "c", "r"]


def test_only_papers_with_a_word_of_the_search_are_found() -> None:
    [found] = interests(Index(PAPERS), Profile(texts=["coral"]))
    assert [PAPERS[place].id for place, _, _ in found.best()] == ["c"]


def test_a_search_without_a_known_word_is_no_interest() -> None:
    assert list(interests(Index(PAPERS), Profile(texts=["zzzz"]))) == []


def test_a_reason_names_words_as_the_paper_writes_them() -> None:
    papers = [
        *PAPERS,
        Document(
            "l", "How models learn", "They learned to learn, and what is learned is quantized."
        ),
    ]
    [found] = interests(Index(papers), Profile(texts=["learning quantization"]))
    assert found.explain(3) == (
        "matches your search “learning quantization”: learn, learned is quantized"
    )


def test_a_paper_on_all_words_of_a_search_comes_before_one_on_the_rarest() -> None:
    common = [
        Document(str(n), f"Retrieval and generation, part {n}", "Passages are retrieved. " * 3)
        for n in range(12)
    ]
    both = Document("both", "Retrieval for augmented generation", "Passages are retrieved.")
    rare = Document("rare", "Augmented reality", "Augmented, augmenting, augmentation of rooms.")
    papers = [rare, *common, both]
    [found] = interests(Index(papers), Profile(texts=["retrieval augmented generation"]))
    assert papers[next(found.best())[0]].id == "both"
