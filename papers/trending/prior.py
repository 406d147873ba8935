"""What can be expected of a paper before anybody has voted, learnt from the papers before it.

Ridge regression (Hoerl and Kennard, 1970) of the logarithm of the votes that papers gained on a
few plain features, all of them relative to the papers announced on the same day: whether they
trend is decided among those.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RIDGE: Final = 20.0
LEAST_PAPERS: Final = 100
"""With fewer papers to learn from, all are expected to do equally well."""
BOUND: Final = 4.0
"""Nothing is expected to do so many times better or worse than an ordinary paper."""
LONGEST_WAIT_DAYS: Final = 30.0


def features(
    titles: Sequence[str],
    abstract_lengths: Floats,
    authors: Floats,
    has_code: Floats,
    waited_days: Floats,
) -> Floats:
    """Papers x features.

    The words of the title, whether it names something before a colon, the length of the abstract
    (characters), the number of authors, whether there is code, and the days from submission to
    announcement.
    """
    words = np.array([len(title.split()) for title in titles], np.float64)
    named = np.array([":" in title for title in titles], np.float64)
    waited = np.log1p(np.clip(np.nan_to_num(waited_days), 0, LONGEST_WAIT_DAYS))
    columns = (words, named, abstract_lengths, np.log1p(authors), has_code, waited)
    return np.column_stack(columns).astype(np.float64)


def expect(features: Floats, day: NDArray[np.int64], votes: Floats) -> Floats:
    """How many times an ordinary paper's votes each paper can expect, from 1/4 to 4.

    ``day`` numbers the announcement days from 0, ``votes`` holds what papers to learn from have
    gained, and not a number for all others.
    """
    known = ~np.isnan(votes)
    if known.sum() < LEAST_PAPERS:
        return np.ones(len(votes))
    centred = _centred(features, day, np.ones(len(day)))
    scale = centred.std(axis=0)
    columns = centred / np.where(scale > 0, scale, 1)
    gained = np.log1p(np.where(known, votes, 0))[:, None]
    target = _centred(gained, day, known.astype(np.float64))[known, 0]
    given = columns[known]
    weights = np.linalg.solve(given.T @ given + RIDGE * np.eye(given.shape[1]), given.T @ target)
    return np.clip(np.exp(columns @ weights), 1 / BOUND, BOUND)


def _centred(columns: Floats, day: NDArray[np.int64], weight: Floats) -> Floats:
    """The columns minus their weighted mean of the day."""
    size = int(day.max()) + 1
    count = np.maximum(np.bincount(day, weight, size), 1)
    means = [np.bincount(day, weight * column, size) / count for column in columns.T]
    return columns - np.column_stack(means)[day]
