"""The editor's picks in the index: which, for how long, and in what order."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now

from papers.recommend import loader
from tests.factories import a_paper

pytestmark = pytest.mark.django_db


def picks() -> list[str]:
    built = loader.build(now())
    return [built.candidates[place].id for place in built.picked]


def test_a_pick_is_offered_whatever_the_age_of_its_paper() -> None:
    a_paper()
    old = a_paper(announced_at=now() - timedelta(days=400), picked_at=now())
    assert picks() == [old.canonical_id]


def test_a_pick_lasts_a_week() -> None:
    kept = a_paper(picked_at=now() - timedelta(days=6))
    a_paper(picked_at=now() - timedelta(days=8))
    old = a_paper(announced_at=now() - timedelta(days=40), picked_at=now() - timedelta(days=8))
    assert picks() == [kept.canonical_id]
    assert old.canonical_id not in loader.build(now()).place


def test_a_pick_of_tomorrow_is_none_yet() -> None:
    a_paper(picked_at=now() + timedelta(hours=1))
    assert picks() == []


def test_the_newest_pick_comes_first_however_the_papers_trend() -> None:
    first = a_paper(picked_at=now() - timedelta(days=2), trending=9)
    second = a_paper(picked_at=now() - timedelta(days=1), trending=1)
    third = a_paper(picked_at=now() - timedelta(hours=1), trending=5)
    assert picks() == [paper.canonical_id for paper in (third, second, first)]


@pytest.mark.parametrize("state", ["hidden", "withdrawn"])
def test_a_pick_that_is_hidden_or_withdrawn_is_not_offered(state: str) -> None:
    a_paper()
    a_paper(picked_at=now(), **{state: True})
    assert picks() == []
