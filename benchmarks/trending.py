"""Does our trending order a morning's list better than votes, Hacker News and Reddit?

    python -m benchmarks.trending [FILE]

FILE holds papers of daily lists as JSON Lines (gzipped): ``id, day, title, abstract, n_authors,
repo, published, submitted`` and ``obs = [[utc time, source, upvotes, comments, stars], ...]``.
Without it, TRENDING_DATA is read, then ``../shared/data/trending/papers-dev.jsonl.gz``.

Every day's list is ranked with what was known in its morning: the product's own code sees the
papers of the 30 days before, with the readings taken by then. The truth is the order by the last
known upvotes. NDCG@5 takes the upvotes, or their logarithm, as gains (Järvelin and Kekäläinen,
2002); differences to each contender are paired by day, with a bootstrap interval (95 %).
"""

from __future__ import annotations

import gzip
import json
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from papers.trending import prior, score
from papers.trending.growth import Readings

ROOT: Final = Path(__file__).resolve().parent.parent
DATA: Final = ROOT.parent / "shared" / "data" / "trending" / "papers-dev.jsonl.gz"
WINDOW_HOURS: Final = score.AGE_LIMIT_DAYS * 24
LATER_HOURS: Final = 12
"""A list can be judged when its last readings are this much later than its morning."""
LEAST_PAPERS: Final = 5
TOP: Final = 5
SAMPLES: Final = 2000
NAMES: Final = ("upvotes", "comments", "stars")
OURS: Final = "paperboy"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Listed:
    """A paper of a daily list. Times are hours of the epoch; readings are in order of time."""

    day: str
    announced: float
    features: Floats
    readings: Sequence[tuple[float, Sequence[float | None]]]

    @property
    def votes(self) -> float:
        """The upvotes that were known in the morning."""
        return float(self.readings[0][1][0] or 0)

    @property
    def truth(self) -> float:
        return float(self.readings[-1][1][0] or 0)

    @property
    def age(self) -> float:
        """Hours from the announcement to the morning."""
        return max(0.0, self.readings[0][0] - self.announced)

    @property
    def judged(self) -> bool:
        return self.readings[-1][0] - self.readings[0][0] > LATER_HOURS


def hour(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() / 3600


def listed(record: Mapping[str, Any]) -> Listed:
    midnight = datetime.fromisoformat(record["day"]).replace(tzinfo=UTC).timestamp() / 3600
    announced = hour(record["submitted"]) if record["submitted"] else midnight
    published = hour(record["published"]) if record["published"] else np.nan
    code = record["repo"] or "github.com" in record["abstract"]
    features = prior.features(
        [record["title"]],
        np.array([len(record["abstract"])], float),
        np.array([record["n_authors"] or 0], float),
        np.array([code], float),
        np.array([(announced - published) / 24]),
    )[0]
    readings = sorted((hour(at), counts) for at, _, *counts in record["obs"])
    return Listed(record["day"], announced, features, readings)


def read(path: Path) -> list[Listed]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return sorted(
            (listed(json.loads(line)) for line in lines), key=lambda paper: paper.announced
        )


def readings(papers: Sequence[Listed], at: float) -> Readings:
    """What had been read of these papers by a time."""
    rows = [
        (place, name, value, moment)
        for place, paper in enumerate(papers)
        for moment, counts in paper.readings
        if moment <= at
        for name, value in enumerate(counts)
        if value is not None
    ]
    paper, name, value, moment = np.array(rows, float).reshape(-1, 4).T
    names = [("hf-daily", name) for name in NAMES]
    return Readings(paper.astype(np.int64), name.astype(np.int64), value, moment, names)


def ours(papers: Sequence[Listed], day: Sequence[Listed]) -> Floats:
    """The scores of a day's list in its morning, by the product's code."""
    at = max(paper.readings[0][0] for paper in day)
    newest = max(paper.announced for paper in day)
    window = [
        paper
        for paper in papers
        if newest - WINDOW_HOURS < paper.announced <= at and paper.readings[0][0] <= at
    ]
    scored = score.score(
        score.Entrants(
            np.array([paper.announced for paper in window]),
            np.full(len(window), np.nan),
            [""] * len(window),
            np.array([paper.features for paper in window]),
        ),
        readings(window, at),
    )
    by_paper = dict(zip(map(id, window), scored.scores, strict=True))
    return np.array([by_paper[id(paper)] for paper in day])


def raw(paper: Listed) -> float:
    return paper.votes


def hacker_news(paper: Listed) -> float:
    """(points - 1) / (hours + 2) ** 1.8, as published by its author."""
    return float((paper.votes - 1) / (paper.age + 2) ** 1.8)


def reddit(paper: Listed) -> float:
    """log10 of the votes plus the time in units of 12.5 hours, from reddit's published source."""
    return float(np.log10(max(paper.votes, 1)) - paper.age * 3600 / 45000)


CONTENDERS: Final[dict[str, Callable[[Listed], float]]] = {
    "raw upvotes": raw,
    "hacker news": hacker_news,
    "reddit": reddit,
}


def ndcg(scores: Floats, gains: Floats) -> float:
    discounts = 1 / np.log2(np.arange(2, TOP + 2))
    found = gains[np.argsort(-scores, kind="stable")[:TOP]]
    best = np.sort(gains)[::-1][:TOP]
    ideal = float(best @ discounts)
    return float(found @ discounts) / ideal if ideal else 1.0


def spearman(scores: Floats, truth: Floats) -> float:
    ranks = rankdata(scores), rankdata(truth)
    return float(np.corrcoef(*ranks)[0, 1]) if min(map(np.std, ranks)) > 0 else 0.0


def measures(scores: Floats, truth: Floats) -> tuple[float, float, float]:
    return ndcg(scores, truth), ndcg(scores, np.log1p(truth)), spearman(scores, truth)


def compare(papers: Sequence[Listed]) -> tuple[list[str], dict[str, Floats]]:
    """The days that can be judged, and the measures of each way to rank them (days x 3)."""
    by_day: dict[str, list[Listed]] = defaultdict(list)
    for paper in papers:
        if paper.judged:
            by_day[paper.day].append(paper)
    days = sorted(day for day, found in by_day.items() if len(found) >= LEAST_PAPERS)
    results: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for day in days:
        found = by_day[day]
        truth = np.array([paper.truth for paper in found])
        results[OURS].append(measures(ours(papers, found), truth))
        for name, rule in CONTENDERS.items():
            scores = np.array([rule(paper) for paper in found])
            results[name].append(measures(scores, truth))
    return days, {name: np.array(rows) for name, rows in results.items()}


def interval(differences: Floats) -> tuple[float, float]:
    draws = np.random.default_rng(0).integers(0, len(differences), (SAMPLES, len(differences)))
    low, high = np.percentile(differences[draws].mean(axis=1), (2.5, 97.5))
    return float(low), float(high)


def show(title: str, results: Mapping[str, Floats]) -> None:
    print(f"\n{title}: {len(results[OURS])} lists")
    print(f"{'':14}{'NDCG@5':>8}{'of logs':>9}{'Spearman':>10}   paperboy is better by (95 %)")
    for name, rows in results.items():
        line = f"{name:14}{rows[:, 0].mean():8.4f}{rows[:, 1].mean():9.4f}{rows[:, 2].mean():10.4f}"
        for column, measure in ((0, "NDCG"), (2, "Spearman")) if name != OURS else ():
            better = results[OURS][:, column] - rows[:, column]
            low, high = interval(better)
            line += f"   {measure} {better.mean():+.4f} ({low:+.4f} to {high:+.4f})"
        print(line)


def main(path: str = "") -> None:
    file = Path(path or os.environ.get("TRENDING_DATA", "") or DATA)
    if not file.is_file():
        print(f"{file} is not there; name a file of daily lists to measure this.")
        return
    days, results = compare(read(file))
    if not days:
        print(f"{file} holds no list of {LEAST_PAPERS} papers that was read again later.")
        return
    half = len(days) // 2
    show(f"{days[0]} to {days[half - 1]}", {name: rows[:half] for name, rows in results.items()})
    show(f"{days[half]} to {days[-1]}", {name: rows[half:] for name, rows in results.items()})
    show("All", results)


if __name__ == "__main__":
    main(*sys.argv[1:])
