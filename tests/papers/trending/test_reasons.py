"""Why a paper trends, in words, and what its score is made of."""

from __future__ import annotations

from typing import Any

import pytest

from papers.trending import reasons
from tests.papers.days import Day


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({}, ""),
        ({"announced": "2026-03-11", "gains": []}, "new in the listing of 11 March"),
        ({"gains": [("upvotes", 84, 2.1)]}, "trending: +84 upvotes in two days"),
        ({"gains": [("upvotes", 1, 0.05)]}, "trending: +1 upvote in an hour"),
        ({"gains": [("likes", 1, 0.3)]}, "trending: +1 like by a subscriber in seven hours"),
        ({"gains": [("stars", 12345, 12)]}, "trending: +12,345 repository stars in 12 days"),
        (
            {"gains": [("upvotes", 30, 1), ("stars", 9, 1)], "agreed": True},
            "trending: +30 upvotes in a day, +9 repository stars in a day",
        ),
    ],
)
def test_the_reason_is_one_line_in_words(parts: dict[str, Any], words: str) -> None:
    gains = [
        dict(zip(("name", "gain", "days"), gain, strict=True)) for gain in parts.get("gains", ())
    ]
    assert reasons.reason(parts | ({"gains": gains} if "gains" in parts else {})) == words


def test_a_paper_that_stands_high_by_its_pick_says_so() -> None:
    day = Day()
    picked = day.paper(picked=20)
    day.read(picked, "upvotes", (22, 3), (40, 9))
    assert reasons.reason(day.scored().parts[picked]) == reasons.PICKED


def test_a_picked_paper_that_has_more_votes_than_the_pick_gives_trends_for_them() -> None:
    day = Day()
    picked = day.paper(picked=5)
    day.read(picked, "upvotes", (6, 120), (24, 145))
    assert (
        reasons.reason(day.scored().parts[picked])
        == "trending: +145 upvotes on Hugging Face in a day"
    )


def test_growth_that_is_cut_says_how_much_of_it_counts() -> None:
    gain = {"name": "upvotes", "gain": 300, "days": 0.04, "weight": 9.2, "counted": 9.2}
    expected = "trending: +300 upvotes in an hour, 9 of them counted"
    assert reasons.reason({"announced": "2026-03-11", "gains": [gain]}) == expected


def test_the_rows_of_a_paper_with_votes_make_up_its_score() -> None:
    day = Day()
    paper = day.paper(picked=3, authors=20)
    day.read(paper, "upvotes", (2, 5), (20, 30))
    day.read(paper, "stars", (2, 5), (20, 30))
    rows = dict(reasons.explain(day.scored().parts[paper]))
    assert list(rows)[:2] == [
        "+30 upvotes on Hugging Face in 20 hours",
        "+25 repository stars in 18 hours",
    ]
    assert rows["+25 repository stars in 18 hours"] == "not counted beside votes"
    votes, start = float(rows["+30 upvotes on Hugging Face in 20 hours"]), 3.0
    total = votes * factor(rows, "Two sources agree") + start
    total *= factor(rows, "What a vote weighs: authors, days waited")
    total /= factor(rows, "Share of a first day’s attention so far")
    total += float(rows["The editor’s pick"])
    assert day.scored().scores[paper] == pytest.approx(total, rel=0.01)


def test_the_rows_of_a_paper_without_votes_make_up_its_score() -> None:
    day = Day()
    paper = day.paper(0, "accepted", "code")
    day.read(paper, "stars", (2, 5), (20, 30))
    rows = dict(reasons.explain(day.scored().parts[paper]))
    assert {reasons.FACTS["accepted"], reasons.FACTS["code"]} <= rows.keys()
    assert reasons.FACTS["known_authors"] not in rows
    total = float(rows["Evidence without votes"]) + 3
    total *= factor(rows, "Weight of a paper without votes")
    total /= factor(rows, "Share of a first day’s attention so far")
    assert day.scored().scores[paper] == pytest.approx(total, rel=0.01)


def factor(rows: dict[str, str], name: str) -> float:
    return float(rows[name][1:])


def test_the_parts_of_an_older_formula_have_no_explanation() -> None:
    assert reasons.explain({"announced": "2026-03-11", "start": 1.0, "gains": []}) == []


@pytest.mark.parametrize(
    ("parts", "unconfirmed"),
    [({}, False), ({"votes": 9}, True), ({"agreed": True}, False), ({"pick": 50.0}, False)],
)
def test_a_paper_is_confirmed_by_two_sources_or_the_editor(
    parts: dict[str, Any], unconfirmed: bool
) -> None:
    assert reasons.is_unconfirmed(parts) is unconfirmed


@pytest.mark.parametrize(
    ("gain", "words"),
    [
        (
            {"name": "upvotes", "gain": 36, "days": 3, "source": "hf-daily"},
            "▲ 36 on Hugging Face in three days",
        ),
        (
            {"name": "upvotes", "gain": 300, "days": 0.05, "source": "hf-daily", "counted": 9},
            "▲ 300 on Hugging Face in an hour, 9 of them counted",
        ),
        ({"name": "upvotes", "gain": 2, "days": 1}, "+2 upvotes in a day"),
        ({"name": "stars", "gain": 7, "days": 2}, "+7 repository stars in two days"),
    ],
)
def test_the_evidence_names_where_people_voted_and_the_time_that_was_watched(
    gain: dict[str, object], words: str
) -> None:
    assert reasons.evidence({"gains": [gain]}) == words


def test_without_a_gain_there_is_no_evidence() -> None:
    assert reasons.evidence({"announced": "2026-03-11", "gains": []}) == ""
    assert reasons.evidence({}) == ""


def test_votes_that_all_count_are_not_said_to_be_counted() -> None:
    gain = {"name": "upvotes", "gain": 44, "days": 0.8, "weight": 9.2, "counted": 43.8}
    assert reasons.reason({"gains": [gain]}) == "trending: +44 upvotes in 19 hours"
