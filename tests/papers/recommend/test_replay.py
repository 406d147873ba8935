"""Replay of sixty daily digests: ages, no repetition, and every interest within a week."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from papers.recommend.diversify import RISING_DAYS, compose
from papers.recommend.index import Document, Index
from papers.recommend.profile import Profile
from tests.papers.recommend.test_diversify import DAY, SUBJECTS

DAYS = 60
A_DAY = 6
WINDOW = 12


def announced() -> list[Document]:
    """Return six papers a day of five subjects; a third of them has votes."""
    generator = Random(3)
    return [
        Document(
            f"{day}.{number}",
            f"Study {day} {number} of {SUBJECTS[number % 5]}",
            " ".join(f"d{day}n{number}x{part}" for part in range(30)),
            authors=(f"Ada Byron{number}",),
            categories=(f"f{number % 5}.X",),
            trending=generator.random(),
            grown=generator.random() < 1 / 3,
            announced=day * DAY,
        )
        for day in range(-WINDOW, DAYS)
        for number in range(A_DAY)
    ]


@pytest.mark.parametrize(
    "profile",
    [
        Profile(texts=["coral reefs", "robots cloth folding"]),
        Profile(topics=["f3.X"], likes=["-12.2", "-11.2"]),
        Profile(),
    ],
)
def test_sixty_daily_digests_repeat_nothing_and_hold_nothing_old(profile: Profile) -> None:
    papers = announced()
    by_id = {paper.id: paper for paper in papers}
    sent: set[str] = set()
    for day in range(DAYS):
        now = day * DAY
        known = [p for p in papers if now - WINDOW * DAY < p.announced <= now]
        since = None if day == 0 else now - DAY
        liked = [by_id[paper] for paper in profile.likes]
        picks = compose(Index(known, liked), profile, 6, sent, day, since)
        ages = {pick.paper: (now - by_id[pick.paper].announced) / DAY for pick in picks}
        assert not sent & set(ages)
        new = [pick.paper for pick in picks if pick.part == "new"]
        rising = [pick.paper for pick in picks if pick.part == "rising"]
        assert all(ages[paper] < (3 if day == 0 else 1) for paper in new)
        assert all(ages[paper] < RISING_DAYS for paper in rising)
        assert len(rising) <= 2
        assert len(picks) <= 6
        sent |= set(ages)
    assert len(sent) > DAYS


def test_every_interest_has_a_paper_within_a_week() -> None:
    papers = announced()
    profile = Profile(texts=list(SUBJECTS), topics=["f0.X", "f1.X", "f2.X", "f3.X", "f4.X"])
    sent: set[str] = set()
    reasons: set[str] = set()
    for day in range(7):
        known = [p for p in papers if (day - WINDOW) * DAY < p.announced <= day * DAY]
        picks = compose(Index(known), profile, 3, sent, day, (day - 1) * DAY)
        sent |= {pick.paper for pick in picks}
        reasons |= {pick.reason.partition("”")[0] for pick in picks if pick.slot == "personal"}
    assert len(reasons) >= 7


def test_without_new_announcements_there_is_still_a_first_digest() -> None:
    papers = [replace(p, announced=-400 * DAY) for p in announced()[:40]]
    assert compose(Index(papers), Profile(texts=["coral reefs"]), 5)
