"""Does our trending order a morning's list better than raw upvotes, Hacker News and Reddit?

    python -m benchmarks.trending [FILE]

FILE holds papers of daily lists as JSON Lines (gzipped): ``id, day, title, abstract, n_authors,
repo, published, submitted`` and ``obs = [[utc time, source, upvotes, comments, stars], ...]``.
Without it, TRENDING_DATA is read, then ``../shared/data/trending/papers-dev.jsonl.gz``.

Every day's list is ranked with what was known in its morning and judged by the last known upvotes.
The product's own code ranks with the constants as shipped; nothing is learnt from FILE. NDCG@5
takes the upvotes, or their logarithm, as gains (Järvelin and Kekäläinen, 2002); differences are
paired by list, with a bootstrap interval (95 %).

The rolling table answers whether choosing constants on earlier lists helps on later ones: for each
month, the constants of TRIED are chosen on the lists before it and measured on the lists in it. The
last but one says what each of them is worth, as shipped against its neutral value.
"""

from __future__ import annotations

import gzip
import itertools
import json
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from papers.trending import score
from papers.trending.growth import Readings

ROOT: Final = Path(__file__).resolve().parent.parent
DATA: Final = ROOT.parent / "shared" / "data" / "trending" / "papers-dev.jsonl.gz"
WINDOW_HOURS: Final = score.AGE_LIMIT_DAYS * 24
LATER_HOURS: Final = 12
"""A list can be judged when its last readings are this much later than its morning."""
LEAST_PAPERS: Final = 5
LEAST_TRAINING_LISTS: Final = 40
"""The rolling table begins with the first month that has so many lists before it."""
TOP: Final = 5
SAMPLES: Final = 2000
MEASURES: Final = ("upvotes", "stars")
OURS: Final = "paperboy"
RAW: Final = "raw upvotes"
TRIED: Final[dict[str, tuple[float, ...]]] = {
    "ATTENTION_EXPONENT": (0.0, 0.25, 0.5, 0.75),
    "WEIGHT_EXPONENT": (0.0, 0.05, 0.1, 0.15),
    "START_VOTES": (1.0, 2.0, 3.0, 4.0),
}

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Listed:
    """A paper of a daily list. Times are hours since the epoch; readings are in order of time.

    Each reading is (time, (upvotes, stars)).
    """

    day: str
    announced: float
    authors: float
    waited: float
    code: bool
    readings: Sequence[tuple[float, Sequence[float | None]]]

    @property
    def votes(self) -> float:
        """Return the upvotes that were known in the morning."""
        return float(self.readings[0][1][0] or 0)

    @property
    def truth(self) -> float:
        """Return the last known upvotes."""
        return float(self.readings[-1][1][0] or 0)

    @property
    def age(self) -> float:
        """Return the hours from the announcement to the morning."""
        return max(0.0, self.readings[0][0] - self.announced)

    @property
    def judged(self) -> bool:
        """Return whether the last reading is late enough to judge by."""
        return self.readings[-1][0] - self.readings[0][0] > LATER_HOURS


def hour(text: str) -> float:
    """Return an ISO 8601 time in hours since the epoch."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() / 3600


def listed(record: Mapping[str, Any]) -> Listed:
    """Return one line of the data as a paper."""
    midnight = datetime.fromisoformat(record["day"]).replace(tzinfo=UTC).timestamp() / 3600
    announced = hour(record["submitted"]) if record["submitted"] else midnight
    published = hour(record["published"]) if record["published"] else np.nan
    readings = sorted((hour(at), (upvotes, stars)) for at, _, upvotes, _, stars in record["obs"])
    return Listed(
        day=record["day"],
        announced=announced,
        authors=float(record["n_authors"] or 0),
        waited=(announced - published) / 24,
        code=bool(record["repo"] or "github.com" in record["abstract"]),
        readings=readings,
    )


def read(path: Path) -> list[Listed]:
    """Return the papers of a file, in the order of their announcement."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return sorted(
            (listed(json.loads(line)) for line in lines), key=lambda paper: paper.announced
        )


def candidates(papers: Sequence[Listed]) -> score.Candidates:
    """Return the papers as columns for the product's code."""
    nothing = np.zeros(len(papers), bool)
    return score.Candidates(
        announced=np.array([paper.announced for paper in papers]),
        picked=np.full(len(papers), np.nan),
        authors=np.array([paper.authors for paper in papers]),
        waited=np.array([paper.waited for paper in papers]),
        accepted=nothing,
        known_authors=nothing,
        code=np.array([paper.code for paper in papers], bool),
    )


def readings(papers: Sequence[Listed], at: float) -> Readings:
    """Return the totals of these papers that had been read by a time."""
    rows = [
        (place, name, value, moment)
        for place, paper in enumerate(papers)
        for moment, counts in paper.readings
        if moment <= at
        for name, value in enumerate(counts)
        if value is not None
    ]
    paper, name, value, moment = np.array(rows, float).reshape(-1, 4).T
    names = [("hf-daily", name) for name in MEASURES]
    return Readings(paper.astype(np.int64), name.astype(np.int64), value, moment, names)


@dataclass(frozen=True, slots=True)
class Morning:
    """A day's list that can be judged, with the papers of the 30 days before."""

    day: str
    papers: Sequence[Listed]
    window: Sequence[Listed]
    places: Sequence[int]
    """The index of each paper of the list in the window."""
    read: Readings

    @classmethod
    def of(cls, day: str, papers: Sequence[Listed], everything: Sequence[Listed]) -> Morning:
        """Return a day's list with what was known in its morning."""
        at = max(paper.readings[0][0] for paper in papers)
        newest = max(paper.announced for paper in papers)
        window = [
            paper
            for paper in everything
            if newest - WINDOW_HOURS < paper.announced <= at and paper.readings[0][0] <= at
        ]
        place = {id(paper): number for number, paper in enumerate(window)}
        return cls(
            day, papers, window, [place[id(paper)] for paper in papers], readings(window, at)
        )

    @property
    def truth(self) -> Floats:
        """Return the last known upvotes of its papers."""
        return np.array([paper.truth for paper in self.papers])

    def ours(self) -> Floats:
        """Return the scores of the list by the product's code."""
        scored = score.score(candidates(self.window), self.read)
        return np.array(scored.scores)[self.places]


def raw(paper: Listed) -> float:
    """Score by raw upvotes."""
    return paper.votes


def hacker_news(paper: Listed) -> float:
    """Return (points - 1) / (hours + 2) ** 1.8, as published by its author."""
    return float((paper.votes - 1) / (paper.age + 2) ** 1.8)


def reddit(paper: Listed) -> float:
    """Return log10 of the votes plus the time in units of 12.5 hours, from reddit's source."""
    return float(np.log10(max(paper.votes, 1)) - paper.age * 3600 / 45000)


CONTENDERS: Final[dict[str, Callable[[Listed], float]]] = {
    RAW: raw,
    "hacker news": hacker_news,
    "reddit": reddit,
}


def ndcg(scores: Floats, gains: Floats) -> float:
    """Return NDCG@5; papers of equal score share their gains (McSherry and Najork, 2008)."""
    discounts = 1 / np.log2(np.arange(2, TOP + 2))
    _, group = np.unique(scores, return_inverse=True)
    shared = (np.bincount(group, gains) / np.bincount(group))[group]
    found = shared[np.argsort(-scores, kind="stable")[:TOP]]
    best = np.sort(gains)[::-1][:TOP]
    ideal = float(best @ discounts)
    return float(found @ discounts) / ideal if ideal else 1.0


def spearman(scores: Floats, truth: Floats) -> float:
    """Return Spearman's rank correlation; 0 where one side is constant."""
    ranks = rankdata(scores), rankdata(truth)
    return float(np.corrcoef(*ranks)[0, 1]) if min(map(np.std, ranks)) > 0 else 0.0


def measures(scores: Floats, truth: Floats) -> tuple[float, float, float]:
    """Return NDCG@5 by upvotes and by their logarithm, and Spearman's correlation."""
    return ndcg(scores, truth), ndcg(scores, np.log1p(truth)), spearman(scores, truth)


def mornings(papers: Sequence[Listed]) -> list[Morning]:
    """Return the lists that can be judged, by day."""
    by_day: dict[str, list[Listed]] = defaultdict(list)
    for paper in papers:
        if paper.judged:
            by_day[paper.day].append(paper)
    return [
        Morning.of(day, found, papers)
        for day, found in sorted(by_day.items())
        if len(found) >= LEAST_PAPERS
    ]


def our_measures(lists: Sequence[Morning], **constants: float) -> Floats:
    """Return the measures of the product's code (lists x 3), with some constants replaced."""
    with ExitStack() as stack:
        for name, value in constants.items():
            stack.enter_context(patch.object(score, name, value))
        return np.array([measures(one.ours(), one.truth) for one in lists])


def their_measures(lists: Sequence[Morning], rule: Callable[[Listed], float]) -> Floats:
    """Return the measures of a rule on every list, shape (lists, 3)."""
    return np.array(
        [measures(np.array([rule(paper) for paper in one.papers]), one.truth) for one in lists]
    )


def interval(differences: Floats) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a mean."""
    draws = np.random.default_rng(0).integers(0, len(differences), (SAMPLES, len(differences)))
    low, high = np.percentile(differences[draws].mean(axis=1), (2.5, 97.5))
    return float(low), float(high)


def lead(better: Floats) -> str:
    """Return mean differences and their intervals in words; ``better`` is lists x 3."""
    text = ""
    for column, measure in ((0, "NDCG"), (2, "Spearman")):
        low, high = interval(better[:, column])
        text += f"   {measure} {better[:, column].mean():+.4f} ({low:+.4f} to {high:+.4f})"
    return text


def show(title: str, results: Mapping[str, Floats]) -> None:
    """Print one table."""
    print(f"\n{title}: {len(results[OURS])} lists")
    print(f"{'':14}{'NDCG@5':>8}{'of logs':>9}{'Spearman':>10}   paperboy is better by (95 %)")
    for name, rows in results.items():
        line = f"{name:14}{rows[:, 0].mean():8.4f}{rows[:, 1].mean():9.4f}{rows[:, 2].mean():10.4f}"
        print(line + (lead(results[OURS] - rows) if name != OURS else ""))


def show_rolling(lists: Sequence[Morning], votes: Floats) -> None:
    """Print what constants that are chosen on earlier lists are worth on later ones."""
    grid = [dict(zip(TRIED, values, strict=True)) for values in itertools.product(*TRIED.values())]
    measured = [our_measures(lists, **constants) for constants in grid]
    months = np.array([one.day[:7] for one in lists])
    print("\nRolling origin: constants chosen on all lists before a month, measured in it")
    print(f"{'month':9}{'lists':>6}  {'chosen':22}   better than raw upvotes by")
    differences = []
    for month in np.unique(months):
        earlier, inside = months < month, months == month
        if earlier.sum() < LEAST_TRAINING_LISTS:
            continue
        best = max(range(len(grid)), key=lambda place: measured[place][earlier][:, (0, 2)].mean())
        better = measured[best][inside] - votes[inside]
        differences.append(better)
        chosen = " ".join(f"{value:+.2f}" for value in grid[best].values())
        print(
            f"{month:9}{inside.sum():6}  {chosen:22}   NDCG {better[:, 0].mean():+.4f}"
            f"   Spearman {better[:, 2].mean():+.4f}"
        )
    if differences:
        together = np.vstack(differences)
        print(f"{'together':9}{len(together):6}  {'':22}{lead(together)}")


def show_worth(lists: Sequence[Morning], ours: Floats) -> None:
    """Print what each constant is worth, as shipped against the value that makes it neutral."""
    print("\nWorth of each constant: as shipped better than with its first value by")
    for name, values in TRIED.items():
        shipped, neutral = getattr(score, name), our_measures(lists, **{name: values[0]})
        print(f"{name.lower():20}{shipped:4.1f} for {values[0]:.0f}{lead(ours - neutral)}")


def data_file(path: str) -> Path | None:
    """Return the file of daily lists, or nothing after saying that it is missing."""
    file = Path(path or os.environ.get("TRENDING_DATA", "") or DATA)
    if file.is_file():
        return file
    print(f"{file} is not there; name a file of daily lists to measure this.")
    return None


def main(path: str = "") -> None:
    """Print the tables of the data's file."""
    file = data_file(path)
    if file is None:
        return
    lists = mornings(read(file))
    if not lists:
        print(f"{file} holds no list of {LEAST_PAPERS} papers that was read again later.")
        return
    results = {OURS: our_measures(lists)}
    results |= {name: their_measures(lists, rule) for name, rule in CONTENDERS.items()}
    half = len(lists) // 2
    for part in (slice(None, half), slice(half, None)):
        days = [one.day for one in lists[part]]
        if days:
            show(f"{days[0]} to {days[-1]}", {name: rows[part] for name, rows in results.items()})
    show_rolling(lists, results[RAW])
    show_worth(lists, results[OURS])
    show("All", results)


if __name__ == "__main__":
    main(*sys.argv[1:])
