"""Why a paper trends, in words, and what its score is made of."""

from __future__ import annotations

from typing import Any

import pytest

from papers.trending import reasons, score
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


def test_a_paper_that_only_its_pick_lifts_says_so() -> None:
    day = Day()
    old = day.paper(picked=170)
    slow = day.paper(hour=168, picked=170)
    for hour in range(24, 169, 24):
        day.crowd(12, hour)
    day.read(slow, "upvotes", (172, 1), (190, 3))
    parts = day.scored().parts
    assert [reasons.reason(parts[paper]) for paper in (old, slow)] == ["the editor's pick"] * 2


def test_a_picked_paper_that_grows_by_itself_trends_for_its_growth() -> None:
    day = Day()
    picked = day.paper(picked=5)
    day.read(picked, "upvotes", (6, 10), (24, 45))
    day.read(picked, "stars", (6, 10), (24, 45))
    assert reasons.reason(day.scored().parts[picked]).startswith("trending: +")


def test_growth_that_is_not_believed_is_no_reason() -> None:
    gain = {"name": "upvotes", "gain": 300, "days": 0.04, "worth": 0.1, "doubted": True}
    parts = {"announced": "2026-03-11", "gains": [gain]}
    assert reasons.reason(parts) == "new in the listing of 11 March"


def test_every_part_of_a_score_is_explained() -> None:
    day = Day()
    paper = day.paper(picked=3)
    day.read(paper, "upvotes", (2, 5), (20, 30))
    day.read(paper, "stars", (2, 5), (20, 30))
    parts = day.scored().parts[paper]
    rows = dict(reasons.explain(parts))
    assert {"The editor’s pick", "+25 upvotes in 18 hours", "Two sources agree"} <= rows.keys()
    given = sum(gain["worth"] for gain in parts["gains"]) - parts["cut"]
    total = (given + parts["start"] + parts["pick"]) * score.AGREEMENT * parts["room"]
    assert day.scored().scores[paper] == pytest.approx(total, rel=0.001)


def test_the_parts_of_an_older_formula_have_no_explanation() -> None:
    assert reasons.explain({"announced": "2026-03-11", "recency": 1.0, "gains": []}) == []
