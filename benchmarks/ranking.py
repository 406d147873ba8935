"""Does the ranking find the papers that a reader went on to like?

    python -m benchmarks.ranking [USERS] [FOLDER]

FOLDER holds one folder for each set with ``items.jsonl.gz`` and ``likes.dev.jsonl.gz``; without
it RECSYS_DATA is read, then ``../shared/data/recsys``. For k = 1, 5, 20: users with at least
max(10, k + 5) likes, k of them (a seeded permutation) are the profile, up to 50 of the rest are
hidden among 1,000 random papers. Printed is the mean NDCG@10 of the product's own code, of tf-idf
cosine, and of arxiv-sanity-lite's method (its features; a linear SVM with every other paper as a
negative), the ratio to that with a paired bootstrap interval (95 %), and the CPU time per profile.

``experts`` holds readers' own ratings: the share of pairs that the ranking orders as they did.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

from papers.recommend import encoder
from papers.recommend.index import Document, Index
from papers.recommend.profile import Profile
from papers.recommend.ranking import rank

ROOT: Final = Path(__file__).resolve().parent.parent
DATA: Final = ROOT.parent / "shared" / "data" / "recsys"
SETS: Final = ("hf-authors", "cul-a", "cul-t")
SIZES: Final = (1, 5, 20)
HIDDEN: Final = 50
RANDOM: Final = 1000
TOP: Final = 10
SAMPLES: Final = 2000
SEED: Final = 7

Floats = NDArray[np.float64]
Ranker = Callable[[Sequence[Any], Sequence[Any]], Sequence[Any]]
Task = tuple[list[Any], set[Any], list[Any]]
"""Profile, hidden likes, candidates: all of them places of items, or their ids."""


def read(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def documents(folder: Path) -> list[Document]:
    return [
        Document(str(item["id"]), item.get("title") or item["bow"], item.get("abstract", ""))
        for item in read(folder / "items.jsonl.gz")
    ]


def tasks(likes: Sequence[Sequence[int]], items: int, k: int, users: int) -> Iterator[Task]:
    """What is asked of a ranker for each of so many users."""
    chance = np.random.default_rng([SEED, k])
    eligible = [mine for mine in likes if len(mine) >= max(10, k + 5)]
    for user in chance.permutation(len(eligible))[:users]:
        mine = chance.permutation(eligible[user])
        others = np.ones(items, bool)
        others[mine] = False
        hidden = mine[k : k + HIDDEN]
        random = chance.choice(np.flatnonzero(others), RANDOM, replace=False)
        # Shuffled, so that equal scores help nobody.
        mixed = chance.permutation(np.concatenate([hidden, random]))
        yield mine[:k].tolist(), set(hidden.tolist()), mixed.tolist()


def ndcg(ranked: Sequence[int], hidden: set[int]) -> float:
    """NDCG@10 with binary gains (Järvelin and Kekäläinen, 2002)."""
    discounts = 1 / np.log2(np.arange(2, TOP + 2))
    hits = np.array([paper in hidden for paper in ranked[:TOP]], bool)
    return float(discounts[: len(hits)][hits].sum() / discounts[: min(TOP, len(hidden))].sum())


def paperboy(index: Index) -> Ranker:
    """The product: what ``manage.py rank`` calls, with the ids as it has them."""

    def order(profile: Sequence[str], candidates: Sequence[str]) -> list[str]:
        return rank(index, Profile(likes=profile), candidates, TOP)

    return order


def by_id(asked: Sequence[Task], papers: Sequence[Document]) -> list[Task]:
    """The same tasks in the ids of the items."""
    ids = [paper.id for paper in papers]
    return [
        ([ids[p] for p in profile], {ids[p] for p in hidden}, [ids[p] for p in candidates])
        for profile, hidden, candidates in asked
    ]


def features(papers: Sequence[Document]) -> Any:
    """The features of arxiv-sanity-lite's compute.py, with its published settings."""
    vectorizer = TfidfVectorizer(
        strip_accents="unicode",
        stop_words="english",
        token_pattern=r"(?u)\b[a-zA-Z_][a-zA-Z0-9_]+\b",
        ngram_range=(1, 2),
        max_features=20_000,
        sublinear_tf=True,
        max_df=0.1,
        min_df=5,
        dtype=np.float32,
    )
    return vectorizer.fit_transform([paper.text for paper in papers])


def sanity(matrix: Any) -> Ranker:
    """The classifier of arxiv-sanity-lite's serve.py, fitted anew for every reader."""

    def order(profile: Sequence[int], candidates: Sequence[int]) -> list[int]:
        liked = np.zeros(matrix.shape[0])
        liked[list(profile)] = 1
        machine = LinearSVC(class_weight="balanced", max_iter=10_000, tol=1e-6, C=0.01)
        scores = machine.fit(matrix, liked).decision_function(matrix[list(candidates)])
        return [candidates[at] for at in np.argsort(-scores, kind="stable")[:TOP]]

    return order


def cosine(matrix: Any) -> Ranker:
    """tf-idf and the mean of the liked papers, nothing else."""

    def order(profile: Sequence[int], candidates: Sequence[int]) -> list[int]:
        mean = np.asarray(matrix[list(profile)].mean(axis=0)).ravel()
        scores = matrix[list(candidates)] @ mean
        return [candidates[at] for at in np.argsort(-scores, kind="stable")]

    return order


def measured(ranker: Ranker, asked: Sequence[Task]) -> tuple[Floats, float]:
    """NDCG@10 of each task, and CPU seconds per task."""
    start = time.process_time()
    answers = [ranker(profile, candidates) for profile, _, candidates in asked]
    seconds = (time.process_time() - start) / len(asked)
    marks = [ndcg(a, hidden) for a, (_, hidden, _) in zip(answers, asked, strict=True)]
    return np.array(marks), seconds


def interval(ours: Floats, theirs: Floats) -> tuple[float, float]:
    """The ratio of the means between the 2.5 and 97.5 percentiles of a paired bootstrap."""
    chosen = np.random.default_rng(SEED).integers(0, len(ours), (SAMPLES, len(ours)))
    low, high = np.percentile(ours[chosen].mean(axis=1) / theirs[chosen].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def compare(name: str, folder: Path, users: int) -> None:
    papers = documents(folder)
    likes = [user["items"] for user in read(folder / "likes.dev.jsonl.gz")]
    matrix = features(papers)
    start = time.process_time()
    index = Index(papers, (), encoder.of(papers))
    built = time.process_time() - start
    print(f"{name}: {len(papers)} papers, our index {built:.0f} s of CPU")
    for k in SIZES:
        asked = list(tasks(likes, len(papers), k, users))
        ours, cpu = measured(paperboy(index), by_id(asked, papers))
        theirs, their_cpu = measured(sanity(matrix), asked)
        plain, _ = measured(cosine(matrix), asked)
        low, high = interval(ours, theirs)
        print(
            f"  k={k:<3} users={len(asked):<4} paperboy {ours.mean():.3f}  "
            f"sanity {theirs.mean():.3f}  cosine {plain.mean():.3f}  "
            f"ratio {ours.mean() / theirs.mean():.2f} ({low:.2f} to {high:.2f})  "
            f"CPU {cpu * 1000:.1f} ms, 1/{their_cpu / cpu:.0f} of sanity's",
            flush=True,
        )


def agreement(order: Sequence[Any], ratings: Mapping[Any, float]) -> list[bool]:
    """For each pair of differently rated papers: is the better one ranked first?"""
    place = {paper: at for at, paper in enumerate(order)}
    return [
        (place[one] < place[other]) == (ratings[one] > ratings[other])
        for one in ratings
        for other in ratings
        if one < other and ratings[one] != ratings[other]
    ]


def experts(folder: Path) -> None:
    papers = documents(folder)
    ours, theirs = paperboy(Index(papers, (), encoder.of(papers))), cosine(features(papers))
    pairs: dict[str, list[bool]] = {"paperboy": [], "cosine": []}
    for user in read(folder / "ratings.dev.jsonl.gz"):
        ratings = dict(user["rated"])
        rated = [paper for paper in ratings if paper not in user["profile"]]
        task = (user["profile"], set(rated), rated)
        pairs["cosine"] += agreement(theirs(task[0], rated), {p: ratings[p] for p in rated})
        [(profile, _, asked)] = by_id([task], papers)
        pairs["paperboy"] += agreement(
            ours(profile, asked), {papers[p].id: ratings[p] for p in rated}
        )
    shares = {name: float(np.mean(found)) for name, found in pairs.items()}
    print("experts: " + "  ".join(f"{name} {share:.3f}" for name, share in shares.items()))


def main(users: int = 20, folder: str = "") -> None:
    data = Path(folder or os.environ.get("RECSYS_DATA") or DATA)
    if not data.is_dir():
        print(f"{data} is not there: name the folder of the ranking sets.")
        return
    print("sentence vectors:", "used" if encoder.available() else "not installed")
    for name in SETS:
        compare(name, data / name, users)
    experts(data / "experts")


if __name__ == "__main__":
    main(*(int(a) if a.isdigit() else a for a in sys.argv[1:]))  # type: ignore[arg-type]
