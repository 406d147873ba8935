"""The trending score: growth, fading, agreement, evidence without votes, picks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from papers.trending import explanation, score
from tests.papers.days import START, Day


def test_no_papers_have_no_scores() -> None:
    assert Day().scored() == ([], [])


def test_the_score_is_the_formula_of_the_module() -> None:
    day = Day()
    paper = day.paper(picked=2, authors=15, waited=3)
    day.read(paper, "upvotes", (9, 40))
    weight = (16 / 8 * 2 / 4) ** 0.1
    attention = ((9 + 3) / 27) ** 0.5
    assert day.scored().scores[paper] == pytest.approx(weight * 43 / attention + 100, abs=1e-6)


def test_a_large_total_counts_nothing_and_growth_counts() -> None:
    day = Day()
    famous, growing = day.paper(-30), day.paper(-30)
    day.read(famous, "upvotes", (2, 90_000), (26, 90_000))
    day.read(growing, "upvotes", (2, 5), (26, 25))
    scored = day.scored()
    assert scored.scores[growing] > scored.scores[famous]
    assert scored.parts[famous]["gains"] == []


@pytest.mark.parametrize("name", ["stars", "citations", "likes"])
def test_the_first_reading_is_the_base_line(name: str) -> None:
    day = Day()
    paper, silent = day.paper(), day.paper()
    day.read(paper, name, (3, 500))
    scored = day.scored()
    assert scored.parts[paper]["gains"] == []
    assert scored.scores[paper] == scored.scores[silent]


def test_a_first_reading_of_votes_long_after_the_announcement_counts_nothing() -> None:
    day = Day()
    late, silent = day.paper(), day.paper()
    day.read(late, "upvotes", (48, 300))
    day.read(silent, "upvotes", (48, 0))
    scores = day.scored().scores
    assert scores[late] == scores[silent]


def test_votes_that_were_lost_and_came_back_are_no_growth() -> None:
    day = Day()
    paper = day.paper()
    day.read(paper, "stars", (2, 20), (10, 4), (18, 20))
    assert day.scored().parts[paper]["gains"] == []


def test_votes_that_the_source_took_back_are_taken_off_the_growth() -> None:
    day = Day()
    paper, begun = day.paper(), day.paper()
    day.read(paper, "upvotes", (3, 10), (13, 59), (23, 19))
    day.read(begun, "upvotes", (3, 50), (6, 5))
    parts = day.scored().parts
    assert [parts[one]["gains"][0]["gain"] for one in (paper, begun)] == [19, 5]


def test_negative_totals_count_as_none() -> None:
    day = Day()
    paper = day.paper()
    day.read(paper, "upvotes", (3, -900), (13, 7))
    assert day.scored().parts[paper]["gains"][0]["gain"] == 7


def test_growth_counts_half_after_two_announcement_days() -> None:
    weights = []
    for later in (24, 48, 72):
        day = Day()
        paper = day.paper()
        day.read(paper, "upvotes", (2, 10), (10, 20))
        for hour in range(24, later + 1, 24):
            day.paper(hour=hour)
        weights.append(day.scored().parts[paper]["votes"])
    assert weights[2] == pytest.approx(weights[0] / 2, rel=0.01)


def test_nothing_fades_over_a_weekend_without_announcements() -> None:
    def scores(days_off: int) -> list[float]:
        day = Day()
        day.read(day.paper(), "upvotes", (2, 10), (10, 20))
        day.paper(hour=24 * (1 + days_off))
        return day.scored().scores

    assert scores(0) == scores(2)


def test_a_stray_announcement_at_a_weekend_is_no_day() -> None:
    def score_with(*strays: float) -> float:
        day = Day()
        paper = day.paper()
        day.read(paper, "upvotes", (2, 10), (10, 20))
        for _ in range(50):
            day.paper()
            day.paper(hour=72)
        for hour in strays:
            day.paper(hour=hour)
        return day.scored().scores[paper]

    assert score_with() == score_with(24, 48) == score_with(-24, 24)


def test_votes_of_a_paper_announced_later_the_same_day_weigh_more() -> None:
    day = Day()
    early, late = day.paper(0), day.paper(6)
    for paper in (early, late):
        day.read(paper, "upvotes", (8, 10))
    assert day.ranks()[late] == 1


def test_an_announcement_at_exactly_midnight_is_as_old_as_the_median_of_its_day() -> None:
    day = Day()
    only_day, *timed = (day.paper(hour) for hour in (0, 2, 4, 6))
    for paper in (only_day, *timed):
        day.read(paper, "upvotes", (8, 10))
    attention = [part["attention"] for part in day.scored(minute=0).parts]
    assert attention[only_day] == attention[timed[1]]


def test_a_paper_of_which_only_the_day_is_known_may_be_first_read_the_day_after() -> None:
    day = Day()
    paper = day.paper()
    day.read(paper, "upvotes", (30, 12))
    assert day.scored(minute=0).parts[paper]["gains"][0]["gain"] == 12
    assert day.scored().parts[paper]["gains"] == []


@pytest.mark.parametrize(("more", "fewer"), [({"authors": 30}, {"authors": 3})])
def test_a_vote_weighs_more_with_many_authors(
    more: dict[str, float], fewer: dict[str, float]
) -> None:
    day = Day()
    papers = [day.paper(**fewer), day.paper(**more)]
    for paper in papers:
        day.read(paper, "upvotes", (8, 10))
    assert day.ranks() == [2, 1]


def test_a_vote_weighs_less_after_a_long_wait_and_the_usual_when_it_is_not_known() -> None:
    day = Day()
    for waited in (0, 1, np.nan, 20):
        day.read(day.paper(waited=waited), "upvotes", (8, 10))
    soon, usual, unknown, late = day.scored().scores
    assert soon > usual == unknown > late


def test_two_sources_that_agree_weigh_a_quarter_more() -> None:
    def votes_of(stars: float) -> float:
        day = Day()
        paper = day.paper()
        day.read(paper, "upvotes", (2, 20), (24.5, 20))
        day.read(paper, "stars", (2, 5), (24.5, 5 + stars))
        parts = day.scored().parts[paper]
        assert parts.get("agreed", False) is (stars >= 10)
        return day.scored().scores[paper] - 3

    assert votes_of(10) == pytest.approx(1.25 * votes_of(9))


def test_the_same_stars_read_from_two_sources_are_one_source() -> None:
    day = Day()
    paper = day.paper()
    for source in ("hf-daily", "semantic-scholar"):
        day.read(paper, "stars", (2, 5), (20, 30), source=source)
    assert "agreed" not in day.scored().parts[paper]


def test_a_second_source_does_not_bury_the_favourite_of_the_day() -> None:
    day = Day()
    favourite = day.paper()
    day.read(favourite, "upvotes", (6, 150), (24, 260))
    for _ in range(5):
        confirmed = day.paper()
        day.read(confirmed, "upvotes", (6, 20), (24, 60))
        day.read(confirmed, "stars", (6, 10), (24, 60))
    assert day.ranks()[favourite] == 1


@pytest.mark.parametrize("votes", [150, 151, 300, 1000])
def test_the_first_of_the_morning_stays_first_however_many_votes_it_has(votes: float) -> None:
    day = Day()
    for count in (votes, 40, 30, 20, 15, *[10] * 15):
        day.read(day.paper(), "upvotes", (6, count))
    assert day.ranks()[0] == 1


def test_a_pick_counts_like_a_hundred_votes_and_fades() -> None:
    day = Day()
    picked = day.paper(picked=5)
    day.crowd(12)
    assert day.ranks()[picked] == 1
    first = day.scored().parts[picked]["pick"]
    day.paper(hour=24)
    day.paper(hour=48)
    assert day.scored().parts[picked]["pick"] == pytest.approx(first / 2)


def test_papers_without_votes_are_ordered_by_what_else_is_known_of_them() -> None:
    day = Day()
    bare, code = day.paper(), day.paper(0, "code")
    accepted = day.paper(0, "accepted", "known_authors", "code")
    liked = day.paper(0, "accepted", "known_authors", "code")
    day.read(liked, "likes", (2, 0), (3, 4), source="subscribers")
    assert [day.ranks()[paper] for paper in (liked, accepted, code, bare)] == [1, 2, 3, 4]
    assert day.scored().parts[accepted]["evidence"] == pytest.approx(2 / 3, abs=1e-4)


def test_other_evidence_is_worth_less_than_two_votes_and_nothing_beside_them() -> None:
    day = Day()
    voted, buried = day.paper(), day.paper(0, "accepted", "known_authors", "code")
    day.read(voted, "upvotes", (8, 2))
    for name in ("stars", "citations", "likes"):
        day.read(buried, name, (2, 0), (8, 5000))
    assert day.ranks() == [1, 2]
    day.read(buried, "upvotes", (8, 2))
    parts = day.scored().parts
    assert parts[buried]["votes"] == parts[voted]["votes"]


def test_papers_without_votes_rank_alike_whatever_their_authors_and_waits() -> None:
    day = Day()
    for authors, waited in ((1, 20), (3000, 0), (5, 2)):
        day.paper(authors=authors, waited=waited)
    assert len(set(day.scored().scores)) == 1


def test_the_newest_change_is_the_formula_in_force() -> None:
    version, since, _ = explanation.CHANGES[0]
    assert version == explanation.FORMULA_VERSION
    assert datetime.fromisoformat(since).replace(tzinfo=UTC) > START - timedelta(days=200)


def test_the_public_page_gives_the_constants_of_the_formula() -> None:
    words = " ".join(text for _, text in explanation.FORMULA)
    assert f"{score.PICK_VOTES:.0f} votes" in words
    assert f"{score.MOST_AUTHORS} authors and {score.MOST_WAITING_DAYS:.0f} days" in words
