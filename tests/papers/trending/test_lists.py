"""Ranked lists by field and period."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from papers.models import Paper, RankedList
from papers.trending import lists
from tests.factories import a_paper

pytestmark = pytest.mark.django_db
THURSDAY = datetime(2026, 11, 26, 12, tzinfo=UTC)
NEXT_MONDAY = datetime(2026, 11, 30, 12, tzinfo=UTC)


def listed(period: str, field: str = "", start: date | None = None) -> list[int]:
    rows = RankedList.objects.filter(period=period, field=field)
    row = rows.get(start=start) if start else rows.latest("start")
    return [entry["paper"] for entry in row.entries]


def test_a_paper_stands_in_its_categories_and_archives() -> None:
    paper = a_paper(categories=["cs.CL", "stat.ML"], announced_at=THURSDAY)
    lists.update(THURSDAY)
    for field in ("", "cs.CL", "cs", "stat.ML", "stat"):
        for period in ("day", "week", "month"):
            assert listed(period, field) == [paper.pk]
    assert not RankedList.objects.filter(field="math").exists()


def test_a_week_begins_on_monday_and_a_month_on_the_first() -> None:
    friday_before = a_paper(announced_at=THURSDAY - timedelta(days=6))
    monday = a_paper(announced_at=THURSDAY - timedelta(days=3))
    october = a_paper(announced_at=THURSDAY - timedelta(days=27))
    lists.update(THURSDAY)
    assert listed("week") == [monday.pk]
    assert set(listed("month")) == {friday_before.pk, monday.pk}
    assert set(listed("day")) == {friday_before.pk, monday.pk, october.pk}


def test_within_a_week_a_paper_keeps_the_best_score_that_it_had() -> None:
    early = a_paper(announced_at=THURSDAY - timedelta(days=3), trending=9)
    late = a_paper(announced_at=THURSDAY, trending=1)
    lists.update(THURSDAY)
    Paper.objects.filter(pk=early.pk).update(trending=0.5)
    lists.update(THURSDAY)
    assert listed("week") == [early.pk, late.pk]
    assert listed("day") == [late.pk, early.pk]


def test_the_list_of_a_week_that_has_ended_stays_as_it_was() -> None:
    first = a_paper(announced_at=THURSDAY, trending=1)
    lists.update(THURSDAY)
    a_paper(announced_at=NEXT_MONDAY)
    late = a_paper(announced_at=THURSDAY, trending=5)
    lists.update(NEXT_MONDAY)
    lists.update(THURSDAY)
    assert listed("week", start=date(2026, 11, 23)) == [first.pk]
    assert late.pk not in listed("week")


def test_a_second_update_without_news_writes_nothing() -> None:
    a_paper(announced_at=THURSDAY)
    assert lists.update(THURSDAY) > 0
    assert lists.update(THURSDAY) == 0


def test_hidden_and_withdrawn_papers_are_not_listed() -> None:
    shown = a_paper(announced_at=THURSDAY)
    a_paper(announced_at=THURSDAY, hidden=True)
    a_paper(announced_at=THURSDAY, withdrawn=True)
    lists.update(THURSDAY)
    assert listed("day") == [shown.pk]


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        ("week", date(2026, 12, 28), date(2027, 1, 3)),
        ("month", date(2028, 2, 1), date(2028, 2, 29)),
        ("month", date(2026, 12, 1), date(2026, 12, 31)),
    ],
)
def test_a_period_ends_on_its_last_day(period: str, start: date, end: date) -> None:
    assert lists.end_of(period, start) == end
    assert lists.start_of(period, end) == start
