"""Weighted sums of sparse rows."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from papers.recommend.expansion import sum_rows

MATRIX = sparse.csr_matrix(np.array([[0, 1, 2], [0, 0, 0], [3, 0, 1]], np.float32))


def test_rows_are_added_by_their_weights_and_may_come_twice() -> None:
    rows, weights = np.array([0, 2, 0], np.intp), np.array([1, 2, 3], np.float32)
    columns, values = sum_rows(MATRIX, rows, weights)
    assert columns.tolist() == [0, 1, 2]
    assert values.tolist() == [6, 4, 10]


def test_columns_that_no_row_has_are_left_out() -> None:
    columns, values = sum_rows(MATRIX, np.array([1, 2], np.intp), np.ones(2, np.float32))
    assert (columns.tolist(), values.tolist()) == ([0, 2], [3, 1])


def test_an_empty_row_has_an_empty_sum() -> None:
    columns, values = sum_rows(MATRIX, np.array([1], np.intp), np.ones(1, np.float32))
    assert len(columns) == len(values) == 0
