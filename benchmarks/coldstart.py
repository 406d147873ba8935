"""Does the ranking find unseen articles? The published cold-start table of citeulike-a.

    python -m benchmarks.coldstart [USERS] [FOLDER]

The split is DropoutNet's (Volkovs, Yu and Poutanen, NeurIPS 2017): 3,396 articles that no user
had liked in training are ranked for each user by the user's likes among the others. Printed is
recall@100, the mean over the users of the share of an unseen liked article among the first 100,
by words and with sentence vectors. The product sees titles only and
learns nothing from other users' likes; the published systems (as LightGCN-style papers quote
them) see abstracts and all users' likes. FOLDER is that of ``benchmarks.ranking``.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from benchmarks.baselines import Floats
from benchmarks.ranking import BOOTSTRAP_SAMPLES, DATA, SEED, read
from papers.recommend import encoder
from papers.recommend.index import Document, Index
from papers.recommend.profile import Profile
from papers.recommend.ranking import rank

TOP: Final = 100
SAMPLE: Final = 300
PUBLISHED: Final = {
    "tf-idf": 0.436,
    "CDL": 0.573,
    "CTR": 0.589,
    "DropoutNet": 0.636,
    "best published": 0.671,
}
"""Recall@100 of others on this split, from abstracts and all users' likes."""

User = dict[str, Any]


def recalls(index: Index, candidates: Sequence[str], users: Sequence[User]) -> Floats:
    """Return recall@100 of the product for each user."""
    found = []
    for user in users:
        likes = [str(paper) for paper in user["likes"]]
        relevant = {str(paper) for paper in user["relevant"]}
        ranked = rank(index, Profile(likes=likes), candidates, TOP)
        found.append(len(relevant.intersection(ranked)) / len(relevant))
    return np.array(found)


def plain_recalls(
    papers: Sequence[Document], candidates: Sequence[str], users: Sequence[User]
) -> Floats:
    """Return the same of tf-idf cosine on the titles."""
    matrix = TfidfVectorizer(sublinear_tf=True, stop_words="english").fit_transform(
        [paper.title for paper in papers]
    )
    rows = [int(paper) for paper in candidates]
    found = []
    for user in users:
        mean = np.asarray(matrix[user["likes"]].mean(axis=0)).ravel()
        best = np.argsort(-(matrix[rows] @ mean), kind="stable")[:TOP]
        hits = {rows[at] for at in best.tolist()}.intersection(user["relevant"])
        found.append(len(hits) / len(user["relevant"]))
    return np.array(found)


def interval(values: Floats) -> tuple[float, float]:
    """Return the 2.5 and 97.5 percentiles of the mean, by bootstrap."""
    chosen = np.random.default_rng(SEED).integers(0, len(values), (BOOTSTRAP_SAMPLES, len(values)))
    low, high = np.percentile(values[chosen].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def main(users: int = SAMPLE, folder: str = "") -> None:
    """Print the table: what was published, and the product on this machine."""
    data = Path(folder or os.environ.get("RECSYS_DATA") or DATA)
    if not (data / "cul-cold").is_dir():
        print(f"{data / 'cul-cold'} is not there: name the folder of the ranking sets.")
        return
    items = read(data / "cul-a" / "items.jsonl.gz")
    papers = [Document(str(item["id"]), item["title"]) for item in items]
    candidates = [str(one) for one in json.loads((data / "cul-cold/candidates.json").read_text())]
    everybody = read(data / "cul-cold" / "profiles.dev.jsonl.gz")
    order = np.random.default_rng(SEED).permutation(len(everybody))[:users]
    asked = [everybody[at] for at in order.tolist()]
    print(f"citeulike-a, cold start, recall@{TOP}, {len(asked)} users")
    for name, published in PUBLISHED.items():
        print(f"  {name:<28} {published:.3f}")
    show("tf-idf cosine, titles", plain_recalls(papers, candidates, asked))
    unseen = set(candidates)
    split = (
        [paper for paper in papers if paper.id in unseen],
        [paper for paper in papers if paper.id not in unseen],
    )
    start = time.process_time()
    show("Paperboy, titles, words", recalls(Index(*split), candidates, asked), start)
    if encoder.available():
        start = time.process_time()
        index = Index(*split, encoder.of(papers))
        show("Paperboy, titles, vectors", recalls(index, candidates, asked), start)
    else:
        print("  sentence vectors: the extra is not installed")


def show(name: str, found: Floats, start: float | None = None) -> None:
    """Print one line of the table, with the CPU time since a start."""
    low, high = interval(found)
    spent = "" if start is None else f"  CPU {time.process_time() - start:.0f} s"
    print(f"  {name:<28} {found.mean():.3f} ({low:.3f} to {high:.3f}){spent}", flush=True)


if __name__ == "__main__":
    main(*(int(a) if a.isdigit() else a for a in sys.argv[1:]))  # type: ignore[arg-type]
