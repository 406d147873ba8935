"""What is trending: growth beside peers, fading, and what cannot be bought."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from papers.trending import explanation, reasons
from papers.trending import score as trending
from tests.papers.days import START, Day


def test_no_papers_have_no_scores() -> None:
    assert Day().scored() == ([], [])


def test_a_large_total_counts_nothing_and_growth_counts() -> None:
    day = Day()
    famous, growing = day.paper(), day.paper()
    day.read(famous, "stars", (2, 90_000), (26, 90_000))
    day.read(growing, "stars", (2, 5), (26, 25))
    scored = day.scored()
    assert scored.scores[growing] > scored.scores[famous]
    assert scored.parts[famous]["gains"] == []


@pytest.mark.parametrize("name", ["stars", "citations"])
def test_the_first_reading_is_the_base_line(name: str) -> None:
    day = Day()
    paper, silent = day.paper(field="cs.CL"), day.paper(field="cs.CV")
    day.read(paper, name, (3, 500))
    scored = day.scored()
    assert scored.parts[paper]["gains"] == []
    assert scored.scores[paper] == pytest.approx(scored.scores[silent], rel=1e-5)


def test_votes_of_the_first_day_stand_in_for_growth_only_until_more_is_read() -> None:
    day = Day()
    quiet, busy = day.paper(), day.paper()
    day.read(quiet, "upvotes", (6, 30))
    day.read(busy, "upvotes", (6, 10))
    assert day.ranks() == [1, 2]
    day.read(quiet, "upvotes", (20, 30))
    day.read(busy, "upvotes", (20, 25))
    assert day.ranks() == [2, 1]
    assert day.scored().parts[quiet]["gains"] == []


def test_a_first_reading_long_after_the_announcement_counts_nothing() -> None:
    day = Day()
    late, silent = day.paper(field="cs.CL"), day.paper(field="cs.CV")
    day.read(late, "upvotes", (48, 300))
    day.paper(hour=49, field="cs.LG")
    scores = day.scored().scores
    assert scores[late] == pytest.approx(scores[silent], rel=1e-5)


def test_votes_that_were_lost_and_came_back_are_no_growth() -> None:
    day = Day()
    shaky, steady = day.paper(), day.paper()
    day.read(shaky, "stars", (2, 20), (10, 4), (18, 20))
    day.read(steady, "stars", (2, 20), (10, 20), (18, 20))
    assert day.scored().parts[shaky]["gains"] == []


def test_votes_that_the_source_took_back_are_taken_off_the_growth() -> None:
    day = Day()
    paper, begun = day.paper(), day.paper()
    day.read(paper, "upvotes", (3, 10), (13, 59), (23, 19))
    day.read(begun, "upvotes", (3, 50), (6, 5))
    scored = day.scored()
    assert reasons.reason(scored.parts[paper]) == "trending: +9 upvotes in 20 hours"
    assert scored.parts[begun]["gains"][0]["gain"] == 5


def test_growth_counts_half_after_two_announcement_days() -> None:
    worth = []
    for later in (24, 48, 72):
        day = Day()
        paper = day.paper()
        day.read(paper, "stars", (2, 10), (10, 20))
        for hour in range(24, later + 1, 24):
            day.paper(hour=hour)
        worth.append(day.scored().parts[paper]["gains"][0]["worth"])
    assert worth[2] == pytest.approx(worth[0] / 2, rel=0.01)


def test_nothing_fades_over_a_weekend_without_announcements() -> None:
    def scores(days_off: int) -> list[float]:
        day = Day()
        day.read(day.paper(), "stars", (2, 10), (10, 20))
        day.paper(hour=24 * (1 + days_off))
        return day.scored().scores

    assert scores(0) == scores(2)


def test_a_stray_announcement_at_a_weekend_is_no_day() -> None:
    def score(*strays: float) -> float:
        day = Day()
        paper = day.paper()
        day.read(paper, "stars", (2, 10), (10, 20))
        for _ in range(50):
            day.paper()
            day.paper(hour=72)
        for hour in strays:
            day.paper(hour=hour)
        return day.scored().scores[paper]

    assert score() == score(24, 48) == score(-24, 24)


def test_a_source_that_says_nothing_neither_helps_nor_harms() -> None:
    day = Day()
    day.crowd(5)
    before = day.scored().scores
    stranger = day.paper(field="math.CO")
    day.read(stranger, "citations", (2, 0), (24, 0), source="openalex")
    assert day.scored().scores[:5] == pytest.approx(before, rel=0.05)


@pytest.mark.parametrize("first", [0.5, 4, 14, 24])
def test_a_paper_without_a_vote_is_no_better_or_worse_for_being_read(first: float) -> None:
    day = Day()
    read, *others = (day.paper(field=str(number)) for number in range(40))
    day.read(read, "upvotes", (first, 0), (25, 0))
    scores = day.scored().scores
    assert [scores[paper] for paper in others] == pytest.approx([scores[read]] * 39, rel=1e-4)


def test_two_sources_that_agree_give_more_than_the_sum_of_both() -> None:
    def score(*names: str) -> float:
        day = Day()
        paper = day.paper()
        for name in names:
            day.read(paper, name, (2, 5), (20, 15))
        return day.scored().scores[paper]

    alone = score("stars") + score("likes") - score()
    assert score("stars", "likes") == pytest.approx(trending.AGREEMENT * alone)


def test_the_same_stars_told_by_two_sources_are_one_source() -> None:
    day = Day()
    paper = day.paper()
    for source in ("hf-daily", "semantic-scholar"):
        day.read(paper, "stars", (2, 5), (20, 30), source=source)
    assert "agreed" not in day.scored().parts[paper]


def test_the_first_three_places_need_two_sources_or_an_editor() -> None:
    day = Day()
    day.crowd(12)
    agreed = [day.paper(), day.paper()]
    for paper in agreed:
        day.read(paper, "upvotes", (8, 4), (24, 12))
        day.read(paper, "stars", (8, 40), (24, 52))
    picked = day.paper(picked=9)
    places = day.ranks()
    assert sorted(places[paper] for paper in (*agreed, picked)) == [1, 2, 3]
    assert places[0] == 4


@pytest.mark.parametrize("name", ["upvotes", "stars"])
def test_growth_that_was_cut_does_not_reach_the_first_three_places_unconfirmed(name: str) -> None:
    day = Day()
    day.crowd(12)
    hasty = day.paper(field="math.LO")
    day.read(hasty, name, (8, 5), (9, 55))
    scored = day.scored()
    assert day.ranks()[hasty] == trending.PODIUM + 1
    assert not {"lifted", "unconfirmed"} & scored.parts[hasty].keys()


def test_a_first_reading_does_not_reach_the_first_three_places_unconfirmed() -> None:
    day = Day()
    day.crowd(12)
    new = day.paper(hour=20, field="math.LO")
    day.read(new, "upvotes", (24, 30))
    assert day.ranks()[new] == trending.PODIUM + 1


def test_first_places_are_given_although_nobody_is_confirmed_and_that_is_said() -> None:
    day = Day()
    for votes in (10, 8, 6, 4):
        day.read(day.paper(), "upvotes", (6, votes))
    assert day.ranks() == [1, 2, 3, 4]
    said = "First for want of papers that two sources or the editor speak for"
    rows = [dict(reasons.explain(parts)) for parts in day.scored().parts]
    assert [said in row for row in rows] == [True, True, True, False]


def test_a_source_that_is_not_believed_agrees_with_nobody() -> None:
    day = Day()
    paper = day.paper()
    day.read(paper, "upvotes", (2, 0), (20, 900))
    day.read(paper, "comments", (2, 0), (20, 3))
    day.read(paper, "stars", (2, 5), (20, 30))
    assert "agreed" not in day.scored().parts[paper]


def test_growth_that_is_faster_than_its_peers_agrees_with_nobody() -> None:
    day = Day()
    day.crowd(40)
    hasty = day.paper()
    day.read(hasty, "upvotes", (8, 10), (24, 30))
    day.read(hasty, "stars", (10, 0), (24, 250))
    assert not day.scored().parts[hasty].get("agreed")


def test_growth_beyond_the_limit_counts_once_a_later_reading_confirms_it() -> None:
    def scored(*later: tuple[float, float]) -> float:
        day = Day()
        day.crowd(40)
        paper = day.paper()
        day.read(paper, "stars", (10, 0), (22, 250), *later)
        day.read(day.paper(), "stars", (10, 0), (24, 0))
        return day.scored().scores[paper]

    assert scored() < 0.95 * scored((24, 250))


def test_a_pick_counts_like_a_good_day_and_fades() -> None:
    day = Day()
    picked, other = day.paper(picked=5), day.paper()
    assert day.ranks()[picked] < day.ranks()[other]
    first = day.scored().parts[picked]["pick"]
    day.paper(hour=24)
    day.paper(hour=48)
    assert day.scored().parts[picked]["pick"] == pytest.approx(first / 2)


def test_a_small_field_lives_beside_a_large_one() -> None:
    day = Day()
    day.crowd(200, most=120)
    day.crowd(8, field="q-bio.PE", most=9)
    assert min(day.ranks()[200:]) <= 20


def test_the_order_within_a_field_is_not_changed_by_making_room() -> None:
    day = Day()
    day.crowd(30)
    assert day.ranks() == sorted(day.ranks())


def test_papers_with_equal_scores_keep_the_order_of_their_listing() -> None:
    day = Day()
    for _ in range(5):
        day.paper()
    assert day.ranks() == [1, 2, 3, 4, 5]


def test_new_papers_start_higher_when_papers_like_them_did_well() -> None:
    day = Day()
    for _ in range(4):
        for authors in range(1, 31):
            paper = day.paper(authors=authors)
            day.read(paper, "upvotes", (6, 0), (24, 2 * authors))
    few, *_, many = (day.paper(hour=26, authors=authors) for authors in (2, *[10] * 8, 30))
    scored = day.scored()
    assert scored.parts[many]["expected"] > 1 > scored.parts[few]["expected"]
    assert scored.scores[many] > scored.scores[few]


def test_nothing_is_expected_from_a_handful_of_papers() -> None:
    day = Day()
    day.crowd(10)
    assert {part["expected"] for part in day.scored().parts} == {1.0}


def test_what_honest_papers_gain_between_distant_readings_is_believed() -> None:
    day = Day()
    riser = day.paper()
    day.crowd(30)
    day.read(riser, "upvotes", (8, 60), (24, 140))
    gain = day.scored().parts[riser]["gains"][0]
    assert gain["gain"] == 80
    assert "doubted" not in gain
    assert day.ranks()[riser] == trending.PODIUM + 1


def test_the_best_paper_of_a_year_is_believed_among_quiet_ones_that_are_read_every_hour() -> None:
    day = Day()
    riser = day.paper()
    day.read(riser, "upvotes", *((hour, 30 * hour) for hour in range(1, 7)))
    for _ in range(30):
        day.read(day.paper(), "upvotes", *((hour, hour // 3) for hour in range(1, 7)))
    assert "doubted" not in day.scored().parts[riser]["gains"][0]
    assert day.ranks()[riser] <= trending.PODIUM + 1


@pytest.mark.parametrize(("name", "believed"), [("upvotes", False), ("likes", True)])
def test_many_bursts_do_not_make_bursts_usual_but_many_readers_do(
    name: str, believed: bool
) -> None:
    day = Day()
    for _ in range(150):
        day.read(day.paper(), name, (8, 2), (20, 302))
    gains = [parts["gains"][0] for parts in day.scored().parts]
    assert {"doubted" not in gain for gain in gains} == {believed}


def test_growth_that_is_not_believed_counts_like_one_median_day_at_most() -> None:
    day = Day()
    paper = day.paper()
    day.read(paper, "upvotes", (30, 3), (30 + 96, 503))
    assert day.scored().parts[paper]["gains"][0]["worth"] <= 0.5


@pytest.mark.parametrize(("name", "burst"), [("upvotes", 300), ("stars", 500)])
@pytest.mark.parametrize("read", [0, 2, 19])
def test_a_burst_counts_nothing_where_half_of_the_papers_are_never_read(
    name: str, burst: float, read: int
) -> None:
    day = Day()
    paper = day.paper(hour=-24)
    for number in range(39):
        other = day.paper(hour=-24)
        if number < read:
            day.read(other, name, (8, 3), (9, 4))
    day.paper()
    day.read(paper, name, (8, 8), (9, 8 + burst))
    scored = day.scored()
    assert scored.parts[paper]["gains"][0]["worth"] == 0
    assert "not believed" in dict(reasons.explain(scored.parts[paper])).values()


def test_the_newest_change_is_the_formula_in_force() -> None:
    version, since, _ = explanation.CHANGES[0]
    assert version == explanation.FORMULA_VERSION
    assert datetime.fromisoformat(since).replace(tzinfo=UTC) > START - timedelta(days=7)
