"""Scoring the catalogue: what is read, what is written, and what stays as it was shown."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from pytest_django import DjangoAssertNumQueries

from papers.models import Edition, Paper, Signal
from papers.trending.update import score
from tests.factories import a_paper

pytestmark = pytest.mark.django_db

VOTES = Path(__file__).parents[2] / "data" / "hf-votes" / "2025-10.csv"
EVENING = datetime(2025, 10, 17, 2, tzinfo=UTC)


def read(paper: Paper, name: str, *readings: tuple[datetime, float], source: str = "hf") -> None:
    """Running totals of a paper: pairs of time and value."""
    for at, value in readings:
        Signal.objects.create(paper=paper, source=source, name=name, value=value, observed_at=at)


def ranking() -> list[str]:
    return list(Paper.objects.order_by("-trending", "pk").values_list("canonical_id", flat=True))


def rows() -> list[Any]:
    return [*Paper.objects.order_by("pk").values(), *Edition.objects.values()]


@pytest.fixture
def october() -> dict[str, Paper]:
    """The daily lists of a week as they were recorded, with their votes and stars."""
    papers: dict[str, Paper] = {}
    with VOTES.open() as file:
        for row in csv.DictReader(file):
            if row["paper"] not in papers:
                listed = datetime.fromisoformat(row["announced_at"])
                papers[row["paper"]] = a_paper(
                    canonical_id=row["paper"],
                    announced_at=listed,
                    categories=[],
                    primary_category="",
                )
            at = datetime.fromisoformat(row["observed_at"])
            read(papers[row["paper"]], row["name"], (at, float(row["value"])))
    return papers


def median(papers: dict[str, Paper], day: date) -> Paper:
    """The paper in the middle of a day's list, by the votes it had when last read."""
    listed = [paper for paper in papers.values() if paper.announced_at.date() == day]
    votes = {
        paper: max(paper.signals.filter(name="upvotes").values_list("value", flat=True))
        for paper in listed
    }
    return sorted(listed, key=lambda paper: votes[paper])[len(listed) // 2]


def test_scoring_twice_writes_nothing_the_second_time(october: dict[str, Paper]) -> None:
    assert score(EVENING)["changed"] > 100
    before = rows()
    with CaptureQueriesContext(connection) as queries:
        assert score(EVENING)["changed"] == 0
    assert rows() == before
    written = [query["sql"] for query in queries if query["sql"].startswith(("INSERT", "UPDATE"))]
    assert all("papers_paper" in sql and "trending" in sql for sql in written)
    assert len(written) <= 1


def test_the_number_of_queries_does_not_grow_with_the_papers(
    django_assert_max_num_queries: DjangoAssertNumQueries, october: dict[str, Paper]
) -> None:
    with django_assert_max_num_queries(20):
        score(EVENING)


@pytest.mark.parametrize(("name", "burst"), [("upvotes", 300), ("stars", 500)])
@pytest.mark.parametrize("hours", [1, 6, 12, 24])
@pytest.mark.parametrize("day", [date(2025, 10, 14), date(2025, 10, 15), date(2025, 10, 16)])
def test_a_burst_from_one_source_does_not_lift_a_median_paper_into_the_top_ten(
    october: dict[str, Paper], name: str, burst: float, hours: int, day: date
) -> None:
    paper = median(october, day)
    last = paper.signals.order_by("observed_at").filter(name=name).last()
    before = last.value if last else 3.0
    at = paper.signals.order_by("observed_at").last()
    assert at is not None
    if last is None:
        read(paper, name, (at.observed_at, before))
        last = at
    read_again = last.observed_at + timedelta(hours=hours)
    read(paper, name, (read_again, before + burst))
    score(max(EVENING, read_again))
    assert paper.canonical_id not in ranking()[:10]


@pytest.mark.parametrize("hours", [1, 6, 12, 24])
def test_a_reading_in_the_middle_of_a_burst_does_not_help_it(
    october: dict[str, Paper], hours: int
) -> None:
    paper = median(october, date(2025, 10, 15))
    paper.signals.filter(observed_at__gt=EVENING - timedelta(hours=hours)).delete()
    middle = EVENING - timedelta(hours=hours / 2)
    read(paper, "upvotes", (EVENING - timedelta(hours=hours), 4), (middle, 154), (EVENING, 304))
    score(EVENING)
    assert paper.canonical_id not in ranking()[:10]


@pytest.mark.parametrize(("name", "burst"), [("upvotes", 300), ("stars", 500)])
@pytest.mark.parametrize("minutes", [1, 3, 5, 20])
@pytest.mark.parametrize("phase", [0, 40])
def test_a_burst_that_is_read_every_few_minutes_does_not_enter_the_top_ten(
    october: dict[str, Paper], name: str, burst: float, minutes: int, phase: int
) -> None:
    paper = median(october, date(2025, 10, 15))
    paper.signals.all().delete()
    begin = EVENING - timedelta(minutes=60 + phase)
    steps = [timedelta(minutes=minute) for minute in range(0, 61, minutes)]
    read(paper, name, *((begin + step, 8 + burst * (step / timedelta(hours=1))) for step in steps))
    score(EVENING)
    assert paper.canonical_id not in ranking()[:10]


def test_a_paper_that_begins_with_a_burst_is_cut_and_says_so(october: dict[str, Paper]) -> None:
    paper = a_paper(announced_at=datetime(2025, 10, 16, 3, tzinfo=UTC), primary_category="")
    read(paper, "upvotes", (paper.announced_at + timedelta(hours=1), 300))
    score(EVENING)
    assert paper.canonical_id not in ranking()[:3]
    paper.refresh_from_db()
    assert paper.trending_parts["gains"][0]["counted"] < 22


@pytest.mark.parametrize("votes", [149, 150, 151, 300])
def test_the_favourite_of_a_day_stays_first_however_many_votes_it_has(
    october: dict[str, Paper], votes: float
) -> None:
    paper = a_paper(announced_at=datetime(2025, 10, 16, 2, tzinfo=UTC), primary_category="")
    read(paper, "upvotes", (paper.announced_at + timedelta(hours=6), votes))
    score(EVENING)
    assert ranking()[0] == paper.canonical_id


def test_a_field_without_votes_is_ordered_by_other_evidence() -> None:
    plain = a_paper(primary_category="math.CO")
    accepted = a_paper(primary_category="math.CO", comment="Accepted at Annals of Mathematics")
    submitted = a_paper(primary_category="math.CO", comment="Submitted to JHEP")
    coded = a_paper(primary_category="math.CO", code_url="https://github.com/a/b")
    score(now())
    assert ranking()[:2] == [accepted.canonical_id, coded.canonical_id]
    assert set(ranking()[2:]) == {plain.canonical_id, submitted.canonical_id}


@pytest.mark.parametrize("led", ["2610.00123", "2610.00120", "title-5e1"])
def test_an_author_is_known_for_another_paper_that_led_an_earlier_day(led: str) -> None:
    with time_machine.travel(now() - timedelta(days=3)):
        leader = a_paper(canonical_id=led, authors=["Emmy Noether"], announced_at=now())
        score(now())
    by_her = a_paper(authors=["Emmy Noether", "Ada Lovelace"])
    by_others = a_paper(authors=["Ada Lovelace"])
    score(now())
    parts = [Paper.objects.get(pk=one.pk).trending_parts for one in (leader, by_her, by_others)]
    assert ["known_authors" in part for part in parts] == [False, True, False]


def test_the_leaders_are_those_who_gained_most_lately(october: dict[str, Paper]) -> None:
    score(EVENING)
    newest = {paper for name, paper in october.items() if name in ranking()[:10]}
    assert sum(paper.announced_at.date() >= date(2025, 10, 13) for paper in newest) >= 6


def test_the_reason_of_the_leader_is_its_growth(october: dict[str, Paper]) -> None:
    score(EVENING)
    entries = Edition.objects.get(day=date(2025, 10, 17)).entries
    assert entries[0]["reason"].startswith("trending: +")
    assert entries[0]["parts"]["gains"][0]["weight"] > 1


def test_measurements_taken_later_are_not_known_yet() -> None:
    paper = a_paper(announced_at=now() - timedelta(hours=10))
    read(paper, "stars", (now() - timedelta(hours=9), 5), (now() + timedelta(hours=1), 500))
    score(now())
    paper.refresh_from_db()
    assert paper.trending_parts["gains"] == []


def test_an_editor_lifts_a_paper_to_the_top(october: dict[str, Paper]) -> None:
    paper = median(october, date(2025, 10, 16))
    Paper.objects.filter(pk=paper.pk).update(picked_at=EVENING - timedelta(hours=3))
    score(EVENING)
    assert paper.canonical_id in ranking()[:3]


def test_a_pick_of_tomorrow_counts_nothing_today() -> None:
    paper = a_paper(picked_at=now() + timedelta(hours=1))
    score(now())
    paper.refresh_from_db()
    assert "pick" not in paper.trending_parts


def test_papers_past_thirty_days_hidden_and_withdrawn_ones_are_not_ranked() -> None:
    kept = a_paper()
    old = a_paper(announced_at=now() - timedelta(days=31), trending=1, trending_parts={"age": 1})
    gone = a_paper(withdrawn=True, trending=1)
    hidden = a_paper(hidden=True, trending=1)
    assert score(now()) == {"papers": 1, "changed": 4}
    for paper in (old, gone, hidden):
        paper.refresh_from_db()
        assert (paper.trending, paper.trending_parts) == (0, {})
    assert ranking()[0] == kept.canonical_id


def test_an_empty_catalogue_has_no_edition() -> None:
    assert score(now()) == {"papers": 0, "changed": 0}
    assert not Edition.objects.exists()


def test_the_edition_of_a_day_is_frozen_as_it_was_shown(october: dict[str, Paper]) -> None:
    monday, tuesday = EVENING, EVENING + timedelta(days=1)
    score(monday)
    shown = Edition.objects.get(day=monday.date()).entries
    late = october[ranking()[40]]
    read(late, "likes", (monday - timedelta(hours=2), 0), (monday, 40), source="subscribers")
    score(tuesday)
    score(monday)
    assert Edition.objects.get(day=monday.date()).entries == shown
    assert Edition.objects.get(day=tuesday.date()).entries != shown


def test_the_latest_edition_stays_too_once_its_day_is_over() -> None:
    first, second = a_paper(announced_at=EVENING), a_paper(announced_at=EVENING)
    score(EVENING)
    shown = Edition.objects.get().entries
    Paper.objects.filter(pk=first.pk).update(hidden=True)
    score(EVENING)
    assert Edition.objects.get().entries == shown
    assert ranking()[0] == second.canonical_id


def test_the_edition_of_today_follows_the_day() -> None:
    with time_machine.travel(EVENING, tick=False):
        hidden, kept = a_paper(), a_paper()
        score(now())
        Paper.objects.filter(pk=hidden.pk).update(hidden=True)
        score(now())
    assert [entry["paper"] for entry in Edition.objects.get().entries] == [kept.canonical_id]
