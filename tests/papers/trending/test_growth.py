"""Votes that come too fast are cut, and what counted before stays."""

from __future__ import annotations

import pytest

from papers.trending import reasons
from tests.papers.days import Day


def counted(*totals: tuple[float, float]) -> float:
    """Return the votes that count of a paper announced at hour 0."""
    day = Day()
    paper = day.paper()
    day.read(paper, "upvotes", *totals)
    gain = day.scored().parts[paper]["gains"][0]
    return float(gain.get("counted", gain["gain"]))


def test_a_burst_within_an_hour_is_cut_to_what_a_paper_of_that_age_can_gain() -> None:
    assert counted((12, 4), (13, 304)) == pytest.approx(4 + 7 * ((16 / 15) ** 2.5 - 1), abs=0.01)


def test_after_the_first_day_growth_is_limited_by_a_lower_power_of_the_age() -> None:
    expected = 40 + 43 * ((51 / 27) ** 0.75 - 1)
    assert counted((24, 40), (48, 940)) == pytest.approx(expected, abs=0.01)


def test_a_step_over_the_end_of_the_first_day_is_limited_by_both_powers() -> None:
    whole = counted((8, 10), (23.99, 9000), (48, 99_000))
    assert counted((8, 10), (48, 99_000)) == pytest.approx(whole, rel=0.01)


@pytest.mark.parametrize(("hours", "most"), [(1, 21.1), (2, 51.7), (7, 385.8)])
def test_a_first_reading_counts_up_to_a_limit_that_grows_with_the_age(
    hours: float, most: float
) -> None:
    assert counted((hours, 9000)) == pytest.approx(most, abs=0.1)
    assert counted((hours, 20)) == 20


def test_what_honest_papers_gain_overnight_counts_in_full() -> None:
    assert counted((6, 10), (22, 111)) == 111
    assert counted((5, 119), (22, 278)) == 278


def test_votes_begin_where_a_paper_is_listed_days_after_its_announcement() -> None:
    day = Day()
    late, other = day.paper(), day.paper()
    day.read(other, "upvotes", *((hour, 0) for hour in range(60, 69)))
    day.read(late, "upvotes", *((60 + hour, 10 * hour) for hour in range(1, 9)))
    gain = day.scored().parts[late]["gains"][0]
    assert (gain["gain"], gain["days"]) == (80, 0.33)
    assert gain["counted"] > 79


def test_a_burst_counts_no_more_when_it_is_read_every_few_minutes() -> None:
    often = [(12 + minute / 60, 4 + 5 * minute) for minute in range(0, 61, 3)]
    assert counted(*often) <= counted((12, 4), (13, 304)) * 1.5


def test_the_paper_says_how_many_of_its_votes_count() -> None:
    day = Day()
    paper = day.paper()
    day.read(paper, "upvotes", (12, 4), (13, 304))
    parts = day.scored().parts[paper]
    assert (
        reasons.reason(parts)
        == "trending: +304 upvotes on Hugging Face in 13 hours, 5 of them counted"
    )
