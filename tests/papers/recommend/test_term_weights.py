"""Weights of terms in bytes compare papers as the weights themselves do."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from papers.recommend.sketches import Sketches
from papers.recommend.term_weights import TermWeights
from papers.recommend.tfidf import Matrix

CANDIDATES = 80


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    """Return a hundred documents of which every one has the first two terms."""
    chance = np.random.default_rng(1)
    found = chance.random((100, 2000), np.float32)
    found[chance.random(found.shape) > 0.03] = 0
    found[:, :2] = 0.5
    return sparse.csr_matrix(found)


@pytest.fixture(scope="module")
def terms(matrix: Matrix) -> TermWeights:
    return TermWeights(matrix, CANDIDATES)


def test_a_weight_differs_by_half_a_step_at_most(matrix: Matrix, terms: TermWeights) -> None:
    rows = [0, 99, 7]
    found = terms.rare(rows).toarray()
    found[:, terms.frequent_columns] += terms.frequent(rows)
    largest = matrix.toarray().max(axis=0)
    assert (np.abs(found - matrix[rows].toarray()) <= largest / 255 / 2 + 1e-6).all()


def test_products_are_those_of_the_weights(matrix: Matrix, terms: TermWeights) -> None:
    rows = slice(70, 100)
    expected = (matrix[rows] @ matrix[:CANDIDATES].T).toarray()
    found = terms.products(terms.rare(rows), terms.frequent(rows))
    assert np.allclose(found, expected, atol=0.02)
    assert np.allclose(found, terms.products(*terms.split(matrix[rows])), atol=0.02)


def test_one_product_is_that_of_a_row_among_others(terms: TermWeights) -> None:
    rare, frequent = terms.rare([3]), terms.frequent([3])
    alone = terms.products_of(rare.indices, rare.data, frequent[0])
    assert np.allclose(alone, terms.products(rare, frequent)[0], atol=1e-5)


def test_the_mean_is_that_of_the_candidates(matrix: Matrix, terms: TermWeights) -> None:
    rare, frequent = terms.mean()
    found = rare.toarray()[0]
    found[terms.frequent_columns] += frequent[0]
    assert np.allclose(found, matrix[:CANDIDATES].toarray().mean(axis=0), atol=1e-3)


def test_documents_without_terms_are_like_none() -> None:
    empty = TermWeights(sparse.csr_matrix(np.zeros((3, 5), np.float32)), 2)
    assert not empty.products(empty.rare([2]), empty.frequent([2])).any()


def test_products_of_sketches_in_bytes_differ_by_less_than_their_own_error() -> None:
    vectors = np.random.default_rng(1).normal(size=(50, 512)).astype(np.float32)
    vectors[3] = 0
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    stored = Sketches(vectors)[list(range(50))]
    assert np.abs(stored @ stored.T - vectors @ vectors.T).max() < 0.005
