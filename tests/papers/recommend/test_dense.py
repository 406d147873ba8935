"""Sentence vectors are used as far as the self-test on the texts trusts them."""

from __future__ import annotations

import numpy as np
import pytest

from papers.recommend.dense import trust
from papers.recommend.index import Document, Index
from papers.recommend.similarity import Scores
from papers.recommend.tfidf import Vocabulary

SUBJECTS = 8
WORDS = 12
PAPERS = 320


def library() -> tuple[list[Document], list[int]]:
    """Return papers of eight subjects, each with four of the twelve words of its subject."""
    generator = np.random.default_rng(1)
    subjects = generator.integers(0, SUBJECTS, PAPERS).tolist()
    return [
        Document(
            str(number),
            " ".join(f"w{subject}x{w}" for w in generator.choice(WORDS, 4, replace=False).tolist()),
        )
        for number, subject in enumerate(subjects)
    ], subjects


def unit(vectors: Scores) -> Scores:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def test_vectors_that_separate_the_subjects_are_trusted() -> None:
    papers, subjects = library()
    terms = Vocabulary([paper.text for paper in papers]).matrix
    generator = np.random.default_rng(2)
    noise = generator.normal(size=(PAPERS, 64)).astype(np.float32)
    good = np.eye(64, dtype=np.float32)[subjects] + 0.05 * noise
    assert trust(terms, unit(good)) == pytest.approx(1)


def test_noise_is_not_trusted() -> None:
    papers, _ = library()
    generator = np.random.default_rng(2)
    noise = generator.normal(size=(PAPERS, 64)).astype(np.float32)
    terms = Vocabulary([paper.text for paper in papers]).matrix
    assert trust(terms, unit(noise)) == 0


def test_an_index_leaves_out_vectors_that_are_noise() -> None:
    papers, _ = library()
    noise = np.random.default_rng(2).normal(size=(PAPERS, 64)).astype(np.float32)
    vectors = {paper.id: row for paper, row in zip(papers, noise, strict=True)}
    assert Index(papers, (), vectors).similarity.vectors is None
