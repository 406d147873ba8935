"""Measure how well the ranking finds the papers that a reader liked later.

    python -m benchmarks.ranking [USERS] [FOLDER]

FOLDER holds one folder for each set with ``items.jsonl.gz`` and ``likes.dev.jsonl.gz``; without
it RECSYS_DATA is read, then ``../shared/data/recsys``. For k = 1, 5, 20: users with at least
max(10, k + 5) likes; k of them (a seeded permutation) are the profile, the others are to be found,
in three protocols: up to 50 of them among 1,000 random papers, five among 1,000, and all of them
among the whole catalogue. Printed are the mean NDCG@10 of Paperboy's code, of arxiv-sanity-lite's
method (its features; a linear SVM with every other paper as a negative), of tf-idf cosine and of
BM25, the ratios to arxiv-sanity-lite and BM25 with paired bootstrap intervals (95 %), and the CPU
time per profile. All rank by words alone, and ``python -m benchmarks.coldstart`` by sentence
vectors, too; ``python -m benchmarks.mornings`` replays a year.

``experts`` holds ratings by readers; printed is the share of pairs that each orders as rated.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from benchmarks import baselines
from benchmarks.baselines import TOP, Floats, Scorer
from papers.recommend.index import Document, Index
from papers.recommend.profile import Profile
from papers.recommend.ranking import rank

ROOT: Final = Path(__file__).resolve().parent.parent
DATA: Final = ROOT.parent / "shared" / "data" / "recsys"
SETS: Final = ("hf-authors", "cul-a", "cul-t")
SIZES: Final = (1, 5, 20)
"""Likes in a profile."""
BOOTSTRAP_SAMPLES: Final = 2000
SEED: Final = 7

Ranker = Callable[[Sequence[Any], Sequence[Any]], Sequence[Any]]
Task = tuple[list[Any], set[Any], list[Any]]
"""Profile, hidden likes and candidates, all as indexes of items or as ids."""


class Protocol(NamedTuple):
    """How many of a user's other likes are mixed with how many random papers; None is all."""

    name: str
    hidden: int | None
    others: int | None


PROTOCOLS: Final = (
    Protocol("up to 50 hits and 1,000 others", 50, 1000),
    Protocol("5 hits and 1,000 others", 5, 1000),
    Protocol("whole catalogue", None, None),
)


def read(path: Path) -> list[dict[str, Any]]:
    """Read a gzipped file of JSON Lines."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def documents(folder: Path) -> list[Document]:
    """Read the papers of a set."""
    return [
        Document(str(item["id"]), item.get("title") or item["bow"], item.get("abstract", ""))
        for item in read(folder / "items.jsonl.gz")
    ]


def tasks(
    likes: Sequence[Sequence[int]],
    items: int,
    k: int,
    users: int,
    protocol: Protocol = PROTOCOLS[0],
) -> Iterator[Task]:
    """Yield one task for each of ``users`` random users with enough likes.

    A user has the same profile in every protocol.

    Args:
        likes: For each user, the indexes of the liked items.
        items: The number of items.
        k: The number of likes in a profile.
        users: The most users.
        protocol: What the candidates are.
    """
    eligible = [mine for mine in likes if len(mine) >= max(10, k + 5)]
    for user in np.random.default_rng([SEED, k]).permutation(len(eligible))[:users]:
        generator = np.random.default_rng([SEED, k, user])
        mine = generator.permutation(eligible[user])
        unliked = np.ones(items, bool)
        unliked[mine] = False
        hidden, others = mine[k:][: protocol.hidden], np.flatnonzero(unliked)
        if protocol.others is not None:
            others = generator.choice(others, protocol.others, replace=False)
        # Shuffled, so that ties favour no ranker.
        mixed = generator.permutation(np.concatenate([hidden, others]))
        yield mine[:k].tolist(), set(hidden.tolist()), mixed.tolist()


def ndcg(ranked: Sequence[int], hidden: set[int]) -> float:
    """Return NDCG@10 with binary gains (Järvelin and Kekäläinen, 2002)."""
    discounts = 1 / np.log2(np.arange(2, TOP + 2))
    hits = np.array([paper in hidden for paper in ranked[:TOP]], bool)
    return float(discounts[: len(hits)][hits].sum() / discounts[: min(TOP, len(hidden))].sum())


def paperboy(index: Index) -> Ranker:
    """Return Paperboy's ranker, the function that ``manage.py rank`` calls; it takes ids."""

    def order(profile: Sequence[str], candidates: Sequence[str]) -> list[str]:
        return rank(index, Profile(likes=profile), candidates, TOP)

    return order


def by_id(sampled: Sequence[Task], papers: Sequence[Document]) -> list[Task]:
    """Return the tasks with ids instead of indexes."""
    ids = [paper.id for paper in papers]
    return [
        ([ids[p] for p in profile], {ids[p] for p in hidden}, [ids[p] for p in candidates])
        for profile, hidden, candidates in sampled
    ]


def baseline(scorer: Scorer) -> Ranker:
    """Return the ranker of a baseline; it takes indexes."""

    def order(profile: Sequence[int], candidates: Sequence[int]) -> list[int]:
        return baselines.best_of(scorer(tuple(profile)), candidates)

    return order


def measure(ranker: Ranker, sampled: Sequence[Task]) -> tuple[Floats, float]:
    """Return the NDCG@10 of each task, and the CPU seconds per task."""
    start = time.process_time()
    answers = [ranker(profile, candidates) for profile, _, candidates in sampled]
    seconds = (time.process_time() - start) / len(sampled)
    scores = [ndcg(a, hidden) for a, (_, hidden, _) in zip(answers, sampled, strict=True)]
    return np.array(scores), seconds


def interval(ours: Floats, theirs: Floats) -> tuple[float, float]:
    """Return the 2.5 and 97.5 percentiles of the ratio of means, by paired bootstrap."""
    chosen = np.random.default_rng(SEED).integers(0, len(ours), (BOOTSTRAP_SAMPLES, len(ours)))
    # With a few users a baseline may find nothing at all; then there is no interval.
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = ours[chosen].mean(axis=1) / theirs[chosen].mean(axis=1)
        low, high = np.percentile(ratios, [2.5, 97.5])
    return float(low), float(high)


def ratio(ours: Floats, theirs: Floats) -> str:
    """Return the ratio of means with its interval, in words."""
    if not theirs.any():
        return "-"
    low, high = interval(ours, theirs)
    return f"{ours.mean() / theirs.mean():.2f} ({low:.2f} to {high:.2f})"


def compare(name: str, folder: Path, users: int) -> None:
    """Print the results of all rankers on one set, in every protocol."""
    papers = documents(folder)
    likes = [user["items"] for user in read(folder / "likes.dev.jsonl.gz")]
    rankers = {
        name: baseline(scorer)
        for name, scorer in baselines.scorers([paper.text for paper in papers]).items()
    }
    start = time.process_time()
    index = Index(papers)
    built = time.process_time() - start
    print(f"{name}: {len(papers)} papers, our index {built:.0f} s of CPU")
    for k in SIZES:
        for protocol in PROTOCOLS:
            sampled = list(tasks(likes, len(papers), k, users, protocol))
            ours, cpu = measure(paperboy(index), by_id(sampled, papers))
            found = {one: measure(ranker, sampled) for one, ranker in rankers.items()}
            columns = "  ".join(f"{one} {scores.mean():.3f}" for one, (scores, _) in found.items())
            ratios = ", ".join(
                f"to {one} {ratio(ours, found[one][0])}" for one in ("sanity", "BM25")
            )
            # The SVM of a profile is fitted in the first protocol and used in all.
            first = protocol is PROTOCOLS[0]
            times = f"  CPU {cpu * 1000:.1f} ms, 1/{found['sanity'][1] / cpu:.0f} of sanity's"
            print(
                f"  k={k:<3} users={len(sampled):<4} {protocol.name:<31} "
                f"paperboy {ours.mean():.3f}  {columns}  {ratios}{times if first else ''}",
                flush=True,
            )


def agreement(order: Sequence[Any], ratings: Mapping[Any, float]) -> list[bool]:
    """Return for each pair of differently rated papers whether the better is ranked first."""
    place = {paper: at for at, paper in enumerate(order)}
    return [
        (place[one] < place[other]) == (ratings[one] > ratings[other])
        for one in ratings
        for other in ratings
        if one < other and ratings[one] != ratings[other]
    ]


def experts(folder: Path) -> None:
    """Print the agreement of all rankers with the ratings of experts, with an interval (95 %)."""
    papers = documents(folder)
    rankers = baselines.scorers([paper.text for paper in papers])
    ours = paperboy(Index(papers))
    pairs: dict[str, list[list[bool]]] = {name: [] for name in ("paperboy", *rankers)}
    for user in read(folder / "ratings.dev.jsonl.gz"):
        ratings = dict(user["rated"])
        rated = [paper for paper in ratings if paper not in user["profile"]]
        task = (user["profile"], set(rated), rated)
        for name, scorer in rankers.items():
            order = baselines.best_of(scorer(tuple(task[0])), rated)
            pairs[name].append(agreement(order, {p: ratings[p] for p in rated}))
        [(profile, _, candidates)] = by_id([task], papers)
        found = ours(profile, candidates)
        pairs["paperboy"].append(agreement(found, {papers[p].id: ratings[p] for p in rated}))
    chosen = np.random.default_rng(SEED)
    for name, each in pairs.items():
        draws = chosen.integers(0, len(each), (BOOTSTRAP_SAMPLES, len(each)))
        right, all_pairs = (
            np.array(list(map(count, each)))[draws].sum(axis=1) for count in (sum, len)
        )
        low, high = np.percentile(right / all_pairs, [2.5, 97.5])
        share = sum(map(sum, each)) / sum(map(len, each))
        print(f"experts: {name:<9} {share:.3f} ({low:.3f} to {high:.3f})")


def main(users: int = 20, folder: str = "") -> None:
    """Run the benchmark on every set of a folder."""
    data = Path(folder or os.environ.get("RECSYS_DATA") or DATA)
    if not data.is_dir():
        print(f"{data} is not there: name the folder of the ranking sets.")
        return
    for name in SETS:
        compare(name, data / name, users)
    experts(data / "experts")


if __name__ == "__main__":
    main(*(int(a) if a.isdigit() else a for a in sys.argv[1:]))  # type: ignore[arg-type]
