"""Do searches find papers on their subject? Beside BM25 and RM3, in one run.

    python -m benchmarks.searches [QUERIES] [FOLDER]

Two judges, both on the papers of ``hf-authors`` from March 2026 on. The first: searches in plain
words with a rule for hits (``judged/searches.jsonl``); printed are the hits among the first ten
of those possible. The second: keywords of papers as queries, where the papers that carry the
keyword are relevant; printed is the mean NDCG@10. BM25 (k1 = 1.2, b = 0.5) and RM3 (10 texts, 20
terms, half the weight) see the same stems. FOLDER holds ``recsys`` and ``judged``.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.baselines import TOP, Bm25
from benchmarks.ranking import DATA, ndcg, read
from papers.recommend.queries import QueryIndex

SINCE: Final = "2026-03-01"
FEWEST, MOST = 5, 60
"""Keywords of fewer papers say too little, those of more too many."""

Searcher = Callable[[str], Sequence[int]]


def paperboy(papers: Sequence[dict[str, Any]]) -> Searcher:
    """Return the product's search."""
    index = QueryIndex([p["title"] for p in papers], [p["abstract"] for p in papers])

    def search(text: str) -> list[int]:
        found = index.search(text)
        best = np.argsort(-found.scores, kind="stable")[:TOP]
        places: list[int] = found.places[best].tolist()
        return places

    return search


def keywords(papers: Sequence[dict[str, Any]]) -> Iterator[tuple[str, set[int]]]:
    """Yield keywords with the places of the papers that carry them."""
    carriers: dict[str, set[int]] = defaultdict(set)
    for place, paper in enumerate(papers):
        for word in paper.get("keywords") or ():
            carriers[word.lower()].add(place)
    for word in sorted(carriers):
        if FEWEST <= len(carriers[word]) <= MOST:
            yield word, carriers[word]


def hits(search: Searcher, asked: Sequence[dict[str, Any]], texts: Sequence[str]) -> float:
    """Return the share of the possible hits among the first ten."""
    found = possible = 0
    for one in asked:
        rules = [re.compile(rule, re.IGNORECASE) for rule in one["all_of"]]
        right = {at for at, text in enumerate(texts) if all(rule.search(text) for rule in rules)}
        found += len(right.intersection(search(one["search"])))
        possible += min(TOP, len(right))
    return found / possible


def main(queries: int = 200, folder: str = "") -> None:
    """Print one line for each method."""
    data = Path(folder or os.environ.get("SEARCH_DATA") or DATA.parent)
    if not (data / "judged").is_dir():
        print(f"{data / 'judged'} is not there: name the folder that holds it and recsys.")
        return
    items = read(data / "recsys" / "hf-authors" / "items.jsonl.gz")
    papers = [item for item in items if item["published"] >= SINCE]
    texts = [f"{paper['title']}. {paper['abstract']}" for paper in papers]
    lines = (data / "judged" / "searches.jsonl").read_text().splitlines()
    asked = [json.loads(line) for line in lines]
    words = list(keywords(papers))
    chosen = np.random.default_rng(7).permutation(len(words))[:queries].tolist()
    baseline = Bm25(texts)
    print(f"{len(papers)} papers, {len(asked)} judged searches, {len(chosen)} keywords")
    methods = {"paperboy": paperboy(papers), "BM25": baseline.plain, "RM3": baseline.rm3}
    for name, search in methods.items():
        marks = [ndcg(search(words[at][0]), words[at][1]) for at in chosen]
        share = hits(search, asked, texts)
        print(f"  {name:<9} hits {share:.3f}  NDCG@10 {np.mean(marks):.3f}", flush=True)


if __name__ == "__main__":
    main(*(int(a) if a.isdigit() else a for a in sys.argv[1:]))  # type: ignore[arg-type]
