"""A recorded week of daily lists, replayed morning by morning: each day's page is a new one."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from papers.models import Edition, Paper, Signal
from papers.trending.update import score
from tests.factories import a_paper

pytestmark = pytest.mark.django_db

VOTES: Final = Path(__file__).parents[2] / "data" / "hf-votes" / "2025-10.csv"
DAYS: Final = [date(2025, 10, day) for day in (9, 10, 13, 14, 15, 16)]
FIRST: Final = 10


@pytest.fixture
def announced() -> dict[str, date]:
    """The papers of the week with their readings, and the day of each."""
    papers: dict[str, Paper] = {}
    with VOTES.open() as file:
        for row in csv.DictReader(file):
            if row["paper"] not in papers:
                papers[row["paper"]] = a_paper(
                    canonical_id=row["paper"],
                    announced_at=datetime.fromisoformat(row["announced_at"]),
                )
            Signal.objects.create(
                paper=papers[row["paper"]],
                source="hf",
                name=row["name"],
                value=float(row["value"]),
                observed_at=datetime.fromisoformat(row["observed_at"]),
            )
    return {name: paper.announced_at.date() for name, paper in papers.items()}


def first_ten(day: date) -> list[str]:
    """The edition of a day as its readers saw it at noon."""
    score(datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
    return [entry["paper"] for entry in Edition.objects.get(day=day).entries[:FIRST]]


def most_voted(day: date) -> list[str]:
    """The papers with the most votes in all until noon of a day."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    votes: dict[str, float] = defaultdict(float)
    read = Signal.objects.filter(name="upvotes", observed_at__lte=noon)
    for paper, value in read.values_list("paper__canonical_id", "value"):
        votes[paper] = max(votes[paper], value)
    return sorted(votes, key=lambda paper: -votes[paper])[:FIRST]


def test_neighbouring_days_share_little_of_their_first_ten(announced: dict[str, date]) -> None:
    shown = [first_ten(day) for day in DAYS]
    voted = [most_voted(day) for day in DAYS]
    shared = [len(set(one) & set(two)) for one, two in pairwise(shown)]
    by_votes = [len(set(one) & set(two)) for one, two in pairwise(voted)]
    fresh = [
        sum(announced[paper] == day for paper in ten)
        for ten, day in zip(shown[1:], DAYS[1:], strict=True)
    ]
    assert max(shared) <= 5
    assert all(ours < votes for ours, votes in zip(shared, by_votes, strict=True))
    assert min(fresh) >= 4
