"""More votes never lower a score or a place, neither one's own nor a rival's."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.papers.days import Day

STEPS = st.tuples(st.floats(0.05, 30), st.integers(-4, 30) | st.integers(-60, 500))
Readings = list[tuple[float, int]]


def totals(steps: Readings) -> Readings:
    """Return pairs of hour and total from pairs of hours passed and votes added."""
    hours = accumulate(round(hours, 2) for hours, _ in steps)
    return list(zip(hours, accumulate(votes for _, votes in steps), strict=True))


HISTORIES = st.lists(STEPS, min_size=1, max_size=9).map(totals)
PAPERS = st.lists(
    st.tuples(st.integers(-40, 20), HISTORIES, st.none() | HISTORIES), min_size=2, max_size=5
)  # fmt: skip

Papers = list[tuple[int, Readings, Readings | None]]


def scores(papers: Papers, chosen: int = 0, since: float = 0, more: float = 0) -> list[float]:
    """Return the scores when ``more`` votes are added to one paper from a time on."""
    day = Day()
    for number, (announced, votes, stars) in enumerate(papers):
        paper = day.paper(announced, authors=3 + 9 * number, waited=number)
        added = more if number == chosen else 0
        day.read(paper, "upvotes", *((at, total + added * (at >= since)) for at, total in votes))
        if stars:
            day.read(paper, "stars", *stars)
    return day.scored().scores


@settings(max_examples=400, deadline=None)
@given(papers=PAPERS, pick=st.integers(0, 99), since=st.integers(0, 99), more=st.floats(0, 300))
def test_votes_added_from_some_reading_on_never_lower_a_score_or_a_place(
    papers: Papers, pick: int, since: int, more: float
) -> None:
    chosen = pick % len(papers)
    times = sorted(at for at, _ in papers[chosen][1])
    before = np.array(scores(papers))
    after = np.array(scores(papers, chosen, times[since % len(times)], more))

    assert after[chosen] >= before[chosen] - 1e-8
    others = np.arange(len(papers)) != chosen
    assert (after[others] == before[others]).all()
    assert (after > after[chosen] + 1e-8).sum() <= (before > before[chosen]).sum()


@settings(deadline=None)
@given(papers=PAPERS, pick=st.integers(0, 99), again=st.integers(1, 3))
def test_readings_that_are_stored_again_change_nothing(
    papers: Papers, pick: int, again: int
) -> None:
    chosen = pick % len(papers)
    announced, votes, stars = papers[chosen]
    replayed = [*papers[:chosen], (announced, votes * (1 + again), stars), *papers[chosen + 1 :]]
    assert scores(papers) == scores(replayed)


@settings(deadline=None)
@given(history=HISTORIES, votes=st.integers(0, 500))
def test_to_be_voted_for_never_lowers_a_paper_that_had_no_votes(
    history: Readings, votes: int
) -> None:
    def score_with(*readings: tuple[float, float]) -> float:
        day = Day()
        paper = day.paper(0, "code", "accepted", authors=0, waited=30)
        day.read(day.paper(), "upvotes", (700, 0))
        day.read(paper, "stars", *history)
        day.read(paper, "upvotes", *readings)
        return day.scored().scores[paper]

    assert score_with((8.0, votes)) >= score_with() - 1e-8
