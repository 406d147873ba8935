"""How many papers a week each choice of a reader brings. Free of Django and of I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np

from papers.recommend.index import Index
from papers.recommend.profile import Profile
from papers.recommend.ranking import nearest_likes

HOURS_A_DAY: Final = 24.0
DAYS_A_WEEK: Final = 7.0


class Choice(NamedTuple):
    """One choice: the name of its list in ``Profile``, and its value there."""

    name: str
    value: str


class WeeklyRates(NamedTuple):
    """Papers a week by choice, and the days of announcements that were counted."""

    rates: Mapping[Choice, float]
    days: float


def weekly_rates(index: Index, profile: Profile) -> WeeklyRates:
    """Return how many of the candidates fit each topic, search, author and like, for a week.

    A paper that fits the likes counts for the one that it is most like.
    """
    if not len(index):
        return WeeklyRates({}, 0.0)
    days = max(1.0, float(np.ceil(index.age_hours.max() / HOURS_A_DAY)))
    counts = dict(_counts(index, profile))
    return WeeklyRates(
        {choice: count * DAYS_A_WEEK / max(days, DAYS_A_WEEK) for choice, count in counts.items()},
        days,
    )


def _counts(index: Index, profile: Profile) -> Iterator[tuple[Choice, int]]:
    for topic in profile.topics:
        yield Choice("topics", topic), len(index.places_in_field(topic))
    for text in profile.texts:
        yield Choice("texts", text), len(index.search(text).clear_places)
    for author in profile.authors:
        yield Choice("authors", author), len(index.written_by(author))
    nearest = Counter(nearest_likes(index, profile).values())
    for paper in profile.likes:
        yield Choice("likes", paper), nearest[paper]
