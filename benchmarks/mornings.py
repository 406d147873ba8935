"""Replay a year of mornings: do the papers that a reader turns out to like come early?

    python -m benchmarks.mornings [DAYS] [READERS] [FOLDER]

On the papers of ``hf-authors`` by their day, from August 2025 on. A reader is an author; what the
author published before the year is the profile, and is to be told apart from the rest: what the
author publishes in the year. Every morning each method sends the best ten of the papers of the
last thirty days that it has not sent to this reader. Papers of the author that it sent become
likes the next morning. All methods see only what was published by then: texts, word counts,
neighbours. Printed are, as means over the readers with an interval by bootstrap (95 %): the share
of the author's papers that were sent at all and on the morning on which they appeared, the share
that stood among the first three cards, NDCG@10 of the mornings with a paper of the author still to
send, the repetitions, and the ratio of the NDCG to that of each other method.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks import baselines
from benchmarks.baselines import TOP, Floats
from benchmarks.ranking import BOOTSTRAP_SAMPLES, DATA, SEED, ndcg, ratio, read
from papers.recommend.index import Document, Index
from papers.recommend.profile import Profile
from papers.recommend.ranking import rank

FIRST_MORNING: Final = date(2025, 8, 1)
POOL_DAYS: Final = 30
FIRST_CARDS: Final = 3
YEAR: Final = 365
LEAST_LATER: Final = 3
"""The fewest papers of a reader in a year; with fewer their means say nothing."""
LEAST_HOLDERS: Final = 2
"""The fewest papers with a term, for tf-idf: a morning has hundreds of papers, not thousands."""

Ranker = Callable[[Sequence[int], Sequence[int]], Sequence[int]]
"""Takes liked papers and candidates, both as places of the catalogue; returns the best ten."""


@dataclass
class Record:
    """What one method sent to one reader.

    Attributes:
        likes: The papers of the reader that the method knows.
        sent: The papers that were sent, with the morning and the place among the cards.
        marks: NDCG@10 of each morning with a paper still to send.
        repeats: Papers that were sent again.
    """

    likes: list[int]
    sent: dict[int, tuple[date, int]] = field(default_factory=dict)
    marks: list[float] = field(default_factory=list)
    repeats: int = 0


class Catalogue:
    """The papers with their days, and the readers with their papers before and in the year."""

    def __init__(self, folder: Path, days: int, readers: int) -> None:
        items = read(folder / "items.jsonl.gz")
        self.papers = [Document(str(i["id"]), i["title"], i["abstract"]) for i in items]
        self.days = [date.fromisoformat(item["published"][:10]) for item in items]
        self.mornings = [FIRST_MORNING + timedelta(day) for day in range(days)]
        last, least = self.mornings[-1], max(1, LEAST_LATER * days // YEAR)
        self.readers: list[tuple[list[int], set[int]]] = []
        likes = [user["items"] for user in read(folder / "likes.dev.jsonl.gz")]
        for user in np.random.default_rng(SEED).permutation(len(likes)):
            before = [paper for paper in likes[user] if self.days[paper] < FIRST_MORNING]
            later = {paper for paper in likes[user] if FIRST_MORNING <= self.days[paper] <= last}
            if before and len(later) >= least and len(self.readers) < readers:
                self.readers.append((before, later))

    def pool(self, morning: date) -> list[int]:
        """Return the papers of the last thirty days."""
        first = morning - timedelta(POOL_DAYS)
        return [at for at, day in enumerate(self.days) if first < day <= morning]


def methods(catalogue: Catalogue, pool: list[int], liked: list[int]) -> dict[str, Ranker]:
    """Return every method, made of the papers of the pool and of those that are liked."""
    known = [*pool, *liked]
    row = {paper: at for at, paper in enumerate(known)}
    index = Index(
        [catalogue.papers[paper] for paper in pool], [catalogue.papers[paper] for paper in liked]
    )
    texts = [catalogue.papers[paper].text for paper in known]

    def paperboy(likes: Sequence[int], candidates: Sequence[int]) -> list[int]:
        profile = Profile(likes=[catalogue.papers[paper].id for paper in likes])
        ids = [catalogue.papers[paper].id for paper in candidates]
        return [int(paper) for paper in rank(index, profile, ids, TOP)]

    def by_score(scorer: baselines.Scorer) -> Ranker:
        def order(likes: Sequence[int], candidates: Sequence[int]) -> list[int]:
            scores = scorer(tuple(row[paper] for paper in likes))
            best = baselines.best_of(scores, [row[paper] for paper in candidates])
            return [known[at] for at in best]

        return order

    chance = np.random.default_rng(SEED)

    def random(_: Sequence[int], candidates: Sequence[int]) -> list[int]:
        drawn: list[int] = chance.permutation(np.array(candidates))[:TOP].tolist()
        return drawn

    others = {one: by_score(s) for one, s in baselines.scorers(texts, LEAST_HOLDERS).items()}
    return {"paperboy": paperboy, **others, "random": random}


def send(record: Record, ranker: Ranker, pool: list[int], own: set[int], morning: date) -> None:
    """Send one reader the ten cards of a morning."""
    waiting = [paper for paper in pool if paper not in record.sent and paper not in record.likes]
    cards = ranker(record.likes, waiting)
    record.repeats += sum(paper in record.sent for paper in cards)
    left = own.intersection(waiting)
    if left:
        record.marks.append(ndcg(cards, left))
    record.sent |= {paper: (morning, place) for place, paper in enumerate(cards)}
    record.likes += [paper for paper in cards if paper in own]


def replay(catalogue: Catalogue) -> dict[str, list[Record]]:
    """Return what each method sent to each reader."""
    records: dict[str, list[Record]] = {}
    for morning in catalogue.mornings:
        pool = catalogue.pool(morning)
        inside = set(pool)
        every = [likes for likes, _ in catalogue.readers]
        every += [record.likes for each in records.values() for record in each]
        liked = sorted({paper for likes in every for paper in likes} - inside)
        assert max(catalogue.days[paper] for paper in (*pool, *liked)) <= morning
        for name, ranker in methods(catalogue, pool, liked).items():
            if name not in records:
                records[name] = [Record(list(before)) for before, _ in catalogue.readers]
            for record, (_, own) in zip(records[name], catalogue.readers, strict=True):
                send(record, ranker, pool, own, morning)
    return records


def figures(catalogue: Catalogue, records: Sequence[Record]) -> Iterator[tuple[str, Floats]]:
    """Yield each figure with its value for every reader."""
    places = [
        [(paper, *record.sent[paper]) for paper in own if paper in record.sent]
        for record, (_, own) in zip(records, catalogue.readers, strict=True)
    ]
    sizes = np.array([len(own) for _, own in catalogue.readers])

    def share(holds: Callable[[int, date, int], bool]) -> Floats:
        held = np.array([sum(holds(*one) for one in each) for each in places], np.float64)
        return np.asarray(held / sizes, np.float64)

    yield "sent", share(lambda *_: True)
    yield "at once", share(lambda paper, day, _: day == catalogue.days[paper])
    yield "first three", share(lambda _paper, _day, place: place < FIRST_CARDS)
    yield "NDCG@10", np.array([np.mean(record.marks or [0.0]) for record in records])


def spread(values: Floats) -> str:
    """Return a mean with its interval."""
    chosen = np.random.default_rng(SEED).integers(0, len(values), (BOOTSTRAP_SAMPLES, len(values)))
    low, high = np.percentile(values[chosen].mean(axis=1), [2.5, 97.5])
    return f"{values.mean():.3f} ({low:.3f} to {high:.3f})"


def main(days: int = 14, readers: int = 40, folder: str = "") -> None:
    """Print a line for each method."""
    data = Path(folder or os.environ.get("RECSYS_DATA") or DATA) / "hf-authors"
    if not data.is_dir():
        print(f"{data} is not there: name the folder of the ranking sets.")
        return
    catalogue = Catalogue(data, days, readers)
    later = sum(len(own) for _, own in catalogue.readers)
    print(
        f"{days} mornings from {FIRST_MORNING} with {TOP} cards each, {len(catalogue.readers)} "
        f"readers with {later} papers of their own in them"
    )
    found: dict[str, Any] = {}
    for name, records in replay(catalogue).items():
        columns = dict(figures(catalogue, records))
        found[name] = columns["NDCG@10"]
        values = "  ".join(f"{title} {spread(each)}" for title, each in columns.items())
        versus = "" if name == "paperboy" else f"  ratio {ratio(found['paperboy'], found[name])}"
        repeats = sum(record.repeats for record in records)
        print(f"  {name:<9} {values}  repeats {repeats}{versus}", flush=True)


if __name__ == "__main__":
    main(*(int(a) if a.isdigit() else a for a in sys.argv[1:]))  # type: ignore[arg-type]
