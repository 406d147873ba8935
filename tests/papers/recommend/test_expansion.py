"""Weighted sums of sparse rows."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from papers.recommend.expansion import FEEDBACK_EXPANSION, DocumentExpansion, sum_rows
from papers.recommend.term_weights import TermWeights

MATRIX = sparse.csr_matrix(np.array([[0, 1, 2], [0, 0, 0], [3, 0, 1]], np.float32))


def test_rows_are_added_by_their_weights_and_may_come_twice() -> None:
    rows, weights = np.array([0, 2, 0], np.intp), np.array([1, 2, 3], np.float32)
    columns, values = sum_rows(MATRIX[rows], weights)
    assert columns.tolist() == [0, 1, 2]
    assert values.tolist() == [6, 4, 10]


def test_columns_that_no_row_has_are_left_out() -> None:
    columns, values = sum_rows(MATRIX[[1, 2]], np.ones(2, np.float32))
    assert (columns.tolist(), values.tolist()) == ([0, 2], [3, 1])


def test_an_empty_row_has_an_empty_sum() -> None:
    columns, values = sum_rows(MATRIX[[1]], np.ones(1, np.float32))
    assert len(columns) == len(values) == 0


def test_feedback_documents_are_compared_by_their_expanded_terms() -> None:
    chance = np.random.default_rng(1)
    weights = chance.random((60, 40), np.float32)
    weights[chance.random(weights.shape) > 0.08] = 0
    weights[:, 0] = 0.3
    matrix = sparse.csr_matrix(weights)
    expansion = DocumentExpansion(TermWeights(matrix, 50), matrix)
    rows, shares = np.array([4, 55, 9], np.intp), np.array([1, 2, 3], np.float32)
    rare, frequent = expansion.expanded(rows, FEEDBACK_EXPANSION)
    expected = (rare @ rare.T).toarray() + frequent @ frequent.T
    assert np.allclose(expansion.similarity_among(rows)(shares), expected @ shares, rtol=1e-4)
    assert np.allclose(expansion.squared_norms[rows], expected.diagonal(), rtol=1e-4)
