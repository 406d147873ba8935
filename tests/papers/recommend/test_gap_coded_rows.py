"""Sparse rows in three bytes an entry."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from papers.recommend.gap_coded_rows import GapCodedRows


def test_rows_are_read_as_they_were_stored_however_far_apart_their_columns_are() -> None:
    columns = [[], [0], [65535, 65536, 200_000], [], [5, 131_071, 131_072], [299_999]]
    found = sparse.lil_matrix((6, 300_000), dtype=np.uint8)
    for row, ones in enumerate(columns):
        for number, column in enumerate(ones):
            found[row, column] = number + 1
    rows = GapCodedRows(found.tocsr())
    for which in (slice(None), [4, 0, 2, 2], np.array([3]), np.array([], np.intp), slice(1, 3)):
        expected = found.tocsr()[np.arange(6)[which]]
        assert np.array_equal(rows[which].toarray(), expected.toarray())
