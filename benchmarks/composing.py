"""Measure how long choosing the papers of many readers takes, reasons included.

    python -m benchmarks.composing [PROFILES] [FOLDER]

Every profile likes ten papers; twenty are chosen among all papers of ``hf-authors`` (10,000; see
``benchmarks.ranking`` for FOLDER), or among a sample when no number is given. Printed are the CPU
time per profile in two halves of the run, whose ratio says whether it is linear, the peak memory,
and the ratio to fitting arxiv-sanity-lite's classifier for each reader.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.baselines import arxiv_sanity_lite, features
from benchmarks.ranking import DATA, baseline, documents, measure, tasks
from papers.recommend.diversify import compose
from papers.recommend.index import Index
from papers.recommend.profile import Profile

LIKES: Final = 10
SIZE: Final = 20
CHUNK: Final = 500
RATED_KINDS: Final = 10
SAMPLE: Final = 1000
SAMPLE_PAPERS: Final = 4000


def profiles(count: int, papers: int, half: int) -> Iterator[list[Profile]]:
    """Yield random profiles of LIKES papers, in chunks."""
    chance = np.random.default_rng(half)
    for start in range(0, count, CHUNK):
        yield [
            Profile(likes=[str(paper) for paper in chance.choice(papers, LIKES, replace=False)])
            for _ in range(min(CHUNK, count - start))
        ]


def seconds(index: Index, count: int, half: int) -> float:
    """Return the CPU seconds of choosing for ``count`` readers, others in each half."""
    start = time.process_time()
    for chunk in profiles(count, len(index), half):
        index.prepare(chunk)
        for profile in chunk:
            assert compose(index, profile, SIZE)[0].reason
    return time.process_time() - start


def main(count: int = 0, folder: str = "") -> None:
    """Print CPU time per reader, its growth, the peak memory and the ratio to the baseline."""
    data = Path(folder or os.environ.get("RECSYS_DATA") or DATA) / "hf-authors"
    if not data.is_dir():
        print(f"{data} is not there: name the folder of the ranking sets.")
        return
    papers = documents(data)
    if not count:
        count, papers = SAMPLE, papers[:SAMPLE_PAPERS]
    start = time.process_time()
    index = Index(papers)
    index.similarity.prepare(range(len(papers)))
    seconds(index, 1, half=2)  # What is computed on first use is computed once, too.
    once = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    first, second = (seconds(index, count // 2, half) for half in range(2))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    each = (first + second) / count
    asked = tasks([list(range(2 * LIKES))] * RATED_KINDS, len(papers), LIKES, RATED_KINDS)
    matrix = features([paper.text for paper in papers])
    _, theirs = measure(baseline(arxiv_sanity_lite(matrix)), list(asked))
    print(
        f"{count} readers, {len(papers)} papers: {once:.0f} s once, then {each * 1000:.2f} ms of "
        f"CPU each, second half / first half {second / first:.2f}, 1/{theirs / each:.0f} of "
        f"arxiv-sanity-lite's; 100,000 readers: {once + 100_000 * each:.0f} s. "
        f"Peak memory {peak:.0f} MB after the index, {grown:.0f} MB at the end."
    )


if __name__ == "__main__":
    main(*(int(a) if a.isdigit() else a for a in sys.argv[1:]))  # type: ignore[arg-type]
