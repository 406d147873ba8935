"""Pseudo-relevance feedback: the best candidates serve as further likes.

Croft and Harper (1979); weighted by score as in the relevance model of Lavrenko and Croft (SIGIR
2001). Free of Django and of I/O.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]

MOST_FEEDBACK_LIKES: Final = 5
"""The most likes with which feedback is applied."""
MOST_FEEDBACK_CANDIDATES: Final = 3000
"""The most candidates with which feedback is applied; its time grows with their number."""
FEEDBACK_FRACTION: Final = 4
"""One candidate in so many, of the best, is a feedback document."""
LEAST_FEEDBACK_DOCUMENTS: Final = 8
"""With fewer there is no feedback."""
FEEDBACK_ROUNDS: Final = 4
FEEDBACK_WEIGHT: Final = 2.0
"""Weight of the feedback beside the likes, divided by their number."""
FEEDBACK_POWER: Final = 1.5
"""A feedback document weighs this power of its score above the least of them."""
FEEDBACK_SCORE_FLOOR: Final = 0.01
"""Added to that score, so that never only one document has a weight."""


class FeedbackDocuments(NamedTuple):
    """The n best candidates, taken to be relevant and compared with each other.

    Attributes:
        similarity: Returns for n weights the n similarities to the weighted sum of them all.
        self_similarity: For each, the similarity to itself.
        mean: For each, the mean similarity to all candidates.
        deviation: For each, the standard deviation of its similarities.
    """

    similarity: Callable[[Scores], Scores]
    self_similarity: Scores
    mean: Scores
    deviation: Scores

    def feedback(self, scores: Scores) -> Scores:
        """Return each document's weighted mean similarity to the others, standardised.

        A document with score x weighs (x - least x + floor) ** power / sqrt(deviation). Its own
        weight and its similarity to itself are taken out.
        """
        weights = (scores - scores.min() + FEEDBACK_SCORE_FLOOR) ** FEEDBACK_POWER / np.sqrt(
            self.deviation
        )
        weights /= weights.sum()
        found = (self.similarity(weights) - weights * self.self_similarity) / (1 - weights)
        return standardised((found - self.mean) / self.deviation)


def with_feedback(
    scores: Scores,
    known: NDArray[np.bool_],
    likes: int,
    documents_of: Callable[[NDArray[np.intp]], FeedbackDocuments],
) -> Scores:
    """Return scores in which the best candidates are ordered anew by each other.

    In each round the weights come from the scores of the round before. All other candidates keep
    their order and stay below the feedback documents.

    Args:
        scores: One for each candidate.
        known: Which candidates the reader has judged; they are no feedback documents.
        likes: The number of likes.
        documents_of: Returns the feedback documents at some places.
    """
    count = len(scores) // FEEDBACK_FRACTION
    if count < LEAST_FEEDBACK_DOCUMENTS:
        return scores
    scores = standardised(scores)
    best = _best(np.where(known, -np.inf, scores), count)
    first, documents = scores[best], documents_of(best)
    joined = first
    for _ in range(FEEDBACK_ROUNDS):
        joined = first + FEEDBACK_WEIGHT / likes * documents.feedback(joined)
    found: Scores = scores - scores.max() + joined.min()
    found[best] = joined
    return found


def standardised(scores: Scores) -> Scores:
    """Return scores with a mean of zero and a standard deviation of one."""
    centred = scores - scores.mean()
    deviation = math.sqrt(float(centred @ centred) / len(centred))
    return np.asarray(centred / (deviation or 1.0), np.float32)


def _best(scores: Scores, count: int) -> NDArray[np.intp]:
    """Return the places of the highest scores, unordered."""
    return np.argpartition(-scores, count - 1)[:count]
