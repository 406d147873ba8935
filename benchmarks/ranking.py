"""Measure how well the ranking finds the papers that a reader liked later.

    python -m benchmarks.ranking [USERS] [FOLDER]

FOLDER holds one folder for each set with ``items.jsonl.gz`` and ``likes.dev.jsonl.gz``; without
it RECSYS_DATA is read, then ``../shared/data/recsys``. For k = 1, 5, 20: users with at least
max(10, k + 5) likes, k of them (a seeded permutation) are the profile, and up to 50 of the others
are mixed with 1,000 random papers. Printed are the mean NDCG@10 of Paperboy's code, of tf-idf
cosine, and of arxiv-sanity-lite's method (its features; a linear SVM with every other paper as a
negative), the ratio to that with a paired bootstrap interval (95 %), and the CPU time per profile.

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
"""Likes in a profile."""
MOST_HIDDEN: Final = 50
"""Relevant papers among the candidates of one user."""
RANDOM_CANDIDATES: Final = 1000
TOP: Final = 10
"""The cut-off of NDCG."""
BOOTSTRAP_SAMPLES: Final = 2000
SEED: Final = 7

Floats = NDArray[np.float64]
Ranker = Callable[[Sequence[Any], Sequence[Any]], Sequence[Any]]
Task = tuple[list[Any], set[Any], list[Any]]
"""Profile, hidden likes and candidates, all as indexes of items or as ids."""


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


def tasks(likes: Sequence[Sequence[int]], items: int, k: int, users: int) -> Iterator[Task]:
    """Yield one task for each of ``users`` random users with enough likes.

    Args:
        likes: For each user, the indexes of the liked items.
        items: The number of items.
        k: The number of likes in a profile.
        users: The most users.
    """
    generator = np.random.default_rng([SEED, k])
    eligible = [mine for mine in likes if len(mine) >= max(10, k + 5)]
    for user in generator.permutation(len(eligible))[:users]:
        mine = generator.permutation(eligible[user])
        others = np.ones(items, bool)
        others[mine] = False
        hidden = mine[k : k + MOST_HIDDEN]
        random = generator.choice(np.flatnonzero(others), RANDOM_CANDIDATES, replace=False)
        # Shuffled, so that ties favour no ranker.
        mixed = generator.permutation(np.concatenate([hidden, random]))
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


def features(papers: Sequence[Document]) -> Any:
    """Return papers x terms with the settings of arxiv-sanity-lite's compute.py."""
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


def arxiv_sanity_lite(matrix: Any) -> Ranker:
    """Return the ranker of arxiv-sanity-lite's serve.py, an SVM fitted for each reader."""

    def order(profile: Sequence[int], candidates: Sequence[int]) -> list[int]:
        liked = np.zeros(matrix.shape[0])
        liked[list(profile)] = 1
        machine = LinearSVC(class_weight="balanced", max_iter=10_000, tol=1e-6, C=0.01)
        scores = machine.fit(matrix, liked).decision_function(matrix[list(candidates)])
        return [candidates[at] for at in np.argsort(-scores, kind="stable")[:TOP]]

    return order


def cosine(matrix: Any) -> Ranker:
    """Return a ranker by the cosine with the mean tf-idf of the liked papers (Rocchio)."""

    def order(profile: Sequence[int], candidates: Sequence[int]) -> list[int]:
        mean = np.asarray(matrix[list(profile)].mean(axis=0)).ravel()
        scores = matrix[list(candidates)] @ mean
        return [candidates[at] for at in np.argsort(-scores, kind="stable")]

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
    low, high = np.percentile(ours[chosen].mean(axis=1) / theirs[chosen].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def compare(name: str, folder: Path, users: int) -> None:
    """Print the results of the three rankers on one set."""
    papers = documents(folder)
    likes = [user["items"] for user in read(folder / "likes.dev.jsonl.gz")]
    matrix = features(papers)
    start = time.process_time()
    index = Index(papers, (), encoder.of(papers))
    built = time.process_time() - start
    print(f"{name}: {len(papers)} papers, our index {built:.0f} s of CPU")
    for k in SIZES:
        sampled = list(tasks(likes, len(papers), k, users))
        ours, cpu = measure(paperboy(index), by_id(sampled, papers))
        theirs, their_cpu = measure(arxiv_sanity_lite(matrix), sampled)
        plain, _ = measure(cosine(matrix), sampled)
        low, high = interval(ours, theirs)
        print(
            f"  k={k:<3} users={len(sampled):<4} paperboy {ours.mean():.3f}  "
            f"sanity {theirs.mean():.3f}  cosine {plain.mean():.3f}  "
            f"ratio {ours.mean() / theirs.mean():.2f} ({low:.2f} to {high:.2f})  "
            f"CPU {cpu * 1000:.1f} ms, 1/{their_cpu / cpu:.0f} of sanity's",
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
    """Print the agreement of three rankers with the ratings of experts."""
    papers = documents(folder)
    matrix = features(papers)
    ours = paperboy(Index(papers, (), encoder.of(papers)))
    baselines = {"sanity": arxiv_sanity_lite(matrix), "cosine": cosine(matrix)}
    pairs: dict[str, list[bool]] = {name: [] for name in ("paperboy", *baselines)}
    for user in read(folder / "ratings.dev.jsonl.gz"):
        ratings = dict(user["rated"])
        rated = [paper for paper in ratings if paper not in user["profile"]]
        task = (user["profile"], set(rated), rated)
        for name, ranker in baselines.items():
            order = ranker(task[0], rated)
            pairs[name] += agreement(order, {p: ratings[p] for p in rated})
        [(profile, _, candidates)] = by_id([task], papers)
        pairs["paperboy"] += agreement(
            ours(profile, candidates), {papers[p].id: ratings[p] for p in rated}
        )
    shares = {name: float(np.mean(found)) for name, found in pairs.items()}
    print("experts: " + "  ".join(f"{name} {share:.3f}" for name, share in shares.items()))


def main(users: int = 20, folder: str = "") -> None:
    """Run the benchmark on every set of a folder."""
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
