"""What does a place cost in fake votes, here and where raw votes rank?

    python -m benchmarks.abuse [FILE]

FILE is that of ``benchmarks.trending``. On every recorded list of at least 12 papers that was read
again the night after, somebody pushes its last paper: the one with the fewest votes. The price of
a place is the smallest number of fake votes (or stars, likes, accounts) with which that paper takes
it, the other papers being as they were recorded. Three pages are compared: the day's list by raw
upvotes, the day's list by the product's score, and the product's front page, which ranks the papers
of 30 days together. Prices are medians over the lists; "never" means that no number up to 3,000
suffices. The pushed paper is read every hour from its morning on.

The last lines count the lists whose favourite stands lower because votes were cut as too fast: the
paper that ends first, and the one that leads at the time, at every recorded time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from benchmarks.trending import (
    WINDOW_HOURS,
    Listed,
    candidates,
    data_file,
    mornings,
    read,
)
from papers.trending import growth, score
from papers.trending.growth import Readings

Floats = NDArray[np.float64]
Rows = list[tuple[str, float, float]]
"""Readings of one paper: measure, hour, total."""

PLACES: Final = (3, 10)
LEAST_PAPERS: Final = 12
EVENING_HOURS: Final = 16.0
DRIP_HOURS: Final = 72.0
UNLIMITED: Final = 50.0
"""With this power of the age no growth is cut."""
NAMES: Final = [("hf-daily", "upvotes"), ("hf-daily", "stars"), ("subscribers", "likes")]
COUNTS: Final = np.unique(np.round(np.concatenate([np.arange(1, 61), 60 * 1.05 ** np.arange(81)])))


@dataclass(frozen=True, slots=True)
class Scene:
    """A recorded list at the moment when its places are looked up.

    Attributes:
        window: All papers of the 30 days before, the pushed one left out.
        inside: Which of them are on the list.
        target: The paper that is pushed.
        at: The moment, hours since the epoch.
    """

    window: Sequence[Listed]
    inside: NDArray[np.bool_]
    target: Listed
    at: float

    @classmethod
    def of(cls, papers: Sequence[Listed], everything: Sequence[Listed], after: float) -> Scene:
        """Return the list that long after its morning; the last paper by votes is pushed."""
        at = max(paper.readings[0][0] for paper in papers) + after
        target = min(papers, key=lambda paper: votes_at(paper, at))
        others = {id(paper) for paper in papers if paper is not target}
        newest = max(paper.announced for paper in papers)
        window = [
            paper
            for paper in everything
            if newest - WINDOW_HOURS < paper.announced <= newest
            and paper.readings[0][0] <= at
            and paper is not target
        ]
        return cls(window, np.array([id(paper) in others for paper in window]), target, at)

    def honest(self) -> list[tuple[float, float]]:
        """Return the target's own votes, read every hour, straight between recorded readings."""
        moments = np.array([moment for moment, _ in self.target.readings])
        totals = np.array([counts[0] or 0 for _, counts in self.target.readings], float)
        hours = np.arange(moments[0], self.at + 0.5)
        return list(zip(hours.tolist(), np.floor(np.interp(hours, moments, totals)), strict=True))


Attack = Callable[[Scene, float], Rows]


def votes_at(paper: Listed, at: float) -> float:
    """Return the upvotes known at a time."""
    known = [counts[0] or 0.0 for moment, counts in paper.readings if moment <= at]
    return float(known[-1]) if known else 0.0


def burst(scene: Scene, fakes: float) -> Rows:
    """Add all votes within one hour, eight hours before the end."""
    begin = scene.at - 8
    return [("upvotes", at, votes + fakes * (at >= begin)) for at, votes in scene.honest()]


def drip(scene: Scene, fakes: float) -> Rows:
    """Add the votes evenly from the morning to the end."""
    first = scene.target.readings[0][0]
    span = scene.at - first
    return [
        ("upvotes", at, votes + np.floor(fakes * (at - first) / span))
        for at, votes in scene.honest()
    ]


def ring(scene: Scene, fakes: float) -> Rows:
    """Let every account give a vote, a star and a like within the same hour."""
    begin = scene.at - 8
    given = [
        (name, at, fakes * (at >= begin)) for name in ("stars", "likes") for at, _ in scene.honest()
    ]
    return burst(scene, fakes) + given


def stars(scene: Scene, fakes: float) -> Rows:
    """Buy stars of the repository."""
    return [*burst(scene, 0), ("stars", scene.at - 9, 0.0), ("stars", scene.at - 8, fakes)]


def likes(scene: Scene, fakes: float) -> Rows:
    """Subscribe with fresh addresses and like the paper."""
    return [*burst(scene, 0), ("likes", scene.at - 9, 0.0), ("likes", scene.at - 8, fakes)]


def outage(scene: Scene, fakes: float) -> Rows:
    """Hide a burst while no reading is taken between the morning and the end."""
    honest = scene.honest()
    return [("upvotes", *honest[0]), ("upvotes", scene.at, honest[-1][1] + fakes)]


def before_the_first_reading(scene: Scene, fakes: float) -> Rows:
    """Have all votes in place when the paper is read for the first time."""
    return [("upvotes", at, votes + fakes) for at, votes in scene.honest()]


def replayed(scene: Scene, fakes: float) -> Rows:
    """Store the same honest readings again and again, also out of order."""
    return burst(scene, 0) * (1 + min(int(fakes), 20))


def negative(scene: Scene, fakes: float) -> Rows:
    """Tell a negative total for an hour, so that the way back looks like growth."""
    low = scene.at - 8
    return [
        ("upvotes", at, -fakes if low <= at < low + 1 else votes) for at, votes in scene.honest()
    ]


ATTACKS: Final[tuple[tuple[str, Attack, float], ...]] = (
    ("burst within an hour", burst, EVENING_HOURS),
    ("drip over the day", drip, EVENING_HOURS),
    ("drip over three days", drip, DRIP_HOURS),
    ("ring: vote, star, like", ring, EVENING_HOURS),
    ("bought stars", stars, EVENING_HOURS),
    ("likes of fresh addresses", likes, EVENING_HOURS),
    ("burst during an outage", outage, EVENING_HOURS),
    ("before the first reading", before_the_first_reading, EVENING_HOURS),
    ("replayed readings", replayed, EVENING_HOURS),
    ("negative totals", negative, EVENING_HOURS),
)


def scores(scene: Scene, variants: Sequence[Rows]) -> tuple[Floats, Floats]:
    """Return the scores of the other papers, and of the target in each variant."""
    papers = [*scene.window, *[scene.target] * len(variants)]
    rows = [
        (place, name, value, moment)
        for place, paper in enumerate(scene.window)
        for moment, counts in paper.readings
        if moment <= scene.at
        for name, value in enumerate(counts)
        if value is not None
    ]
    place_of = {name: place for place, (_, name) in enumerate(NAMES)}
    rows += [
        (len(scene.window) + number, place_of[name], value, moment)
        for number, variant in enumerate(variants)
        for name, moment, value in variant
    ]
    paper, name, value, moment = np.array(rows, float).reshape(-1, 4).T
    told = Readings(paper.astype(np.int64), name.astype(np.int64), value, moment, NAMES)
    found = np.array(score.score(candidates(papers), told).scores)
    return found[: len(scene.window)], found[len(scene.window) :]


def price(reached: Floats, others: Floats, place: int) -> float:
    """Return the smallest count whose score beats the paper at a place, or infinity."""
    bar = np.sort(others)[::-1][place - 1]
    enough = np.flatnonzero(reached > bar)
    return float(COUNTS[enough[0]]) if len(enough) else np.inf


def prices(scene: Scene, attack: Attack) -> Floats:
    """Return places x (raw list, our list, our front page)."""
    others, reached = scores(scene, [attack(scene, fakes) for fakes in COUNTS])
    raw = votes_at(scene.target, scene.at) + COUNTS
    votes = np.array([votes_at(paper, scene.at) for paper in scene.window])[scene.inside]
    return np.array(
        [
            (
                price(raw, votes, place),
                price(reached, others[scene.inside], place),
                price(reached, others, place),
            )
            for place in PLACES
        ]
    )


def sunk(scene: Scene) -> int:
    """Return how many places the list's third loses when votes are added to it, at most."""
    others, _ = scores(scene, [])
    rival = np.flatnonzero(scene.inside)[np.argsort(-others[scene.inside])[2]]
    target = scene.window[rival]
    rest = [paper for place, paper in enumerate(scene.window) if place != rival]
    pushed = replace(scene, window=rest, inside=np.delete(scene.inside, rival), target=target)
    variants = [outage(pushed, fakes) for fakes in (0.0, *COUNTS)]
    others, reached = scores(pushed, variants)
    above = (others[None, :] > reached[:, None]).sum(axis=1)
    return int((above - above[0]).max())


def twins(scene: Scene) -> Floats:
    """Return the price in accounts of both of two equal papers among the first places.

    Every account votes for both within an hour. Columns are those of ``prices``.
    """
    others, reached = scores(scene, [burst(scene, fakes) for fakes in COUNTS])
    raw = votes_at(scene.target, scene.at) + COUNTS
    votes = np.array([votes_at(paper, scene.at) for paper in scene.window])[scene.inside]
    pages = ((raw, votes), (reached, others[scene.inside]), (reached, others))
    return np.array(
        [[price(ours, theirs, place - 1) for ours, theirs in pages] for place in PLACES]
    )


def favourites(everything: Sequence[Listed]) -> tuple[int, int, int]:
    """Return how many moments were looked at, and in how many of them a favourite stands lower."""
    moments = ended = led = 0
    for one in mornings(everything):
        times = sorted({moment for paper in one.papers for moment, _ in paper.readings})
        for at in {times[0], *[time for time in times if time > times[0] + 12]}:
            known = [paper for paper in one.papers if paper.readings[0][0] <= at]
            scene = Scene(known, np.ones(len(known), bool), known[0], at)
            cut, _ = scores(scene, [])
            with patch.multiple(growth, GROWTH_EXPONENT=UNLIMITED, LATE_EXPONENT=UNLIMITED):
                free, _ = scores(scene, [])
            moments += 1
            for truth in (True, False):
                favourite = np.argmax(
                    [paper.truth if truth else votes_at(paper, at) for paper in known]
                )
                lower = (cut > cut[favourite]).sum() > (free > free[favourite]).sum()
                ended, led = ended + (truth and lower), led + (not truth and lower)
    return moments, int(ended), int(led)


def _count(value: float) -> str:
    return "never" if np.isinf(value) else f"{value:.0f}"


def show(title: str, found: Floats) -> None:
    """Print the medians of lists x places x 3 prices, and how they compare."""
    for number, place in enumerate(PLACES):
        raw, ours, front = np.median(found[:, number], axis=0)
        print(
            f"{title if number == 0 else '':26}{place:>5}{_count(raw):>8}"
            f"{_count(ours):>10}{_times(ours, raw):>8}{_count(front):>10}{_times(front, raw):>8}"
        )


def _times(ours: float, raw: float) -> str:
    return "-" if np.isinf(ours) else f"{ours / raw:.1f}x"


def main(path: str = "") -> None:
    """Play the attacks and print the price of each place."""
    file = data_file(path)
    if file is None:
        return
    everything = read(file)
    lists = [one.papers for one in mornings(everything) if len(one.papers) >= LEAST_PAPERS]
    if not lists:
        print(f"{file} holds no list of {LEAST_PAPERS} papers that was read again later.")
        return
    print(f"{len(lists)} lists, {lists[0][0].day} to {lists[-1][0].day}")
    print(f"{'':26}{'place':>5}{'raw':>8}{'our list':>10}{'':8}{'front page':>10}")
    for title, attack, after in ATTACKS:
        scenes = [Scene.of(papers, everything, after) for papers in lists]
        show(title, np.array([prices(scene, attack) for scene in scenes]))
    scenes = [Scene.of(papers, everything, EVENING_HOURS) for papers in lists]
    show("both of two twins", np.array([twins(scene) for scene in scenes]))
    print(f"\nplaces a rival loses by votes for it: {max(map(sunk, scenes))} at most")
    moments, ended, led = favourites(everything)
    print(f"favourites that stand lower because votes were cut: {ended} that ended first and")
    print(f"{led} that led, of {moments} moments of {len(mornings(everything))} lists")


if __name__ == "__main__":
    main(*sys.argv[1:])
