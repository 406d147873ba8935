"""Measure how long writing the digests of many subscribers takes, database included.

    python -m benchmarks.assembling [SUBSCRIBERS ...]

Ten papers each, reasons included, among all papers of ``hf-authors`` (10,000; RECSYS_DATA as for
``benchmarks.ranking``), with their sentence vectors unless SENTENCE_VECTORS=false, for each of
these numbers in a process of its own; without a number a sample. Of four subscribers one likes ten
papers, one likes ten and searches twice, one searches twice, and one likes ten and follows a
field; hardly two want the same. DATABASE_URL may name an empty PostgreSQL database; without it a
SQLite file is used.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.delivery import contend, environment
from benchmarks.ranking import DATA, read
from benchmarks.readers import python

FIELDS: Final = ("cs.AI", "cs.CL", "cs.CV", "cs.LG")
LIKES: Final = 10
SEARCHES: Final = 2
SAMPLE: Final = (500, 1500)
SAMPLE_PAPERS: Final = 1000


def catalogue(papers: Sequence[dict[str, str]]) -> Iterator[dict[str, object]]:
    """Yield the papers in the form of ``ingest --format jsonl``."""
    for number, paper in enumerate(papers):
        yield {
            "id": f"2603.{number:05}",
            "title": paper["title"],
            "abstract": paper["abstract"],
            "authors": [f"Ann Author{number % 997}"],
            "categories": [FIELDS[number % len(FIELDS)]],
            "url": f"https://arxiv.org/abs/2603.{number:05}",
        }


def interests(papers: Sequence[dict[str, str]], count: int) -> Iterator[list[tuple[str, str]]]:
    """Yield the interests of one subscriber after another, as (kind, value)."""
    chance = random.Random(1)
    words = [re.findall(r"[A-Za-z][a-z-]{3,}", paper["title"]) for paper in papers]
    pairs = [f"{one} {two}" for title in words for one, two in itertools.pairwise(title)]
    for number in range(count):
        turn = number % 4
        likes = chance.sample(range(len(papers)), LIKES) if turn != 2 else []
        texts = chance.sample(pairs, SEARCHES) if turn in {1, 2} else []
        topics = [chance.choice(FIELDS)] if turn == 3 else []
        yield [
            *(("like", f"2603.{paper:05}") for paper in likes),
            *(("text", text) for text in texts),
            *(("topic", topic) for topic in topics),
        ]


def fill(folder: Path, papers: Sequence[dict[str, str]], env: Mapping[str, str]) -> None:
    """Create the database and ingest the papers."""
    path = folder / "papers.jsonl"
    path.write_text("\n".join(map(json.dumps, catalogue(papers))))
    python("manage.py", "migrate", "--verbosity", "0", env=env)
    python("manage.py", "ingest", "--file", str(path), "--format", "jsonl", env=env)
    python("manage.py", "score", env=env)
    embedded = json.loads(python("-m", "benchmarks.senders", "embed", env=env))
    if embedded["papers"]:
        print(f"{embedded['papers']} papers embedded: {embedded['ms']:.0f} ms of CPU each")


def main(*sizes: int) -> None:
    """Print the time, CPU and memory for each number of subscribers."""
    data = Path(os.environ.get("RECSYS_DATA") or DATA) / "hf-authors"
    if not data.is_dir():
        print(f"{data} is not there: name the folder of the ranking sets in RECSYS_DATA.")
        return
    papers = read(data / "items.jsonl.gz")
    if not sizes:
        sizes, papers = SAMPLE, papers[:SAMPLE_PAPERS]
    with tempfile.TemporaryDirectory(prefix="paperboy-bench-") as name:
        env = environment(Path(name), 0)
        fill(Path(name), papers, env)
        people = Path(name) / "people.jsonl"
        people.write_text("\n".join(map(json.dumps, interests(papers, max(sizes)))))
        python("-m", "benchmarks.senders", "people", str(people), env=env)
        for size in sizes:
            result = contend("assemble", size, env)
            seconds = size / result["rate"]
            print(
                f"{size:7} subscribers, {len(papers)} papers: {seconds:6.1f} s, "
                f"{result['cpu_s_per_1000']:.2f} ms of CPU each, peak {result['peak_mb']:.0f} MB",
                flush=True,
            )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
