"""Measure the kept ranking index at several sizes: its file, its making, choosing, explaining.

    python -m benchmarks.choosing [READERS] [PAPERS ...]

For each number of papers, those of ``hf-authors`` first (RECSYS_DATA as for ``benchmarks.ranking``)
and behind them papers recombined from their sentences: the CPU time of making the text model and
the size of its file; what opening it takes; the CPU time of choosing twenty papers for readers of
each kind, the comparison of their likes included; and that of 100 explanations of random papers,
with the number of proposed changes that bring the paper in once they are made.
"""

from __future__ import annotations

import itertools
import os
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.assembling import FIELDS
from benchmarks.ranking import DATA, read
from benchmarks.readers import recombined
from papers.recommend import model_file
from papers.recommend.diversify import compose
from papers.recommend.explanation import DigestRequest, explain
from papers.recommend.index import Document, Index
from papers.recommend.profile import Profile
from papers.recommend.text_model import TextModel

SIZE: Final = 20
CASES: Final = 100
EXPLAINED_SIZE: Final = 10
VOTED: Final = 5
"""One paper in so many has votes."""
AUTHORS: Final = 997
DAYS: Final = 30
SAMPLE_PAPERS: Final = 1500
SAMPLE_READERS: Final = 40

Kinds = dict[str, Callable[[], Profile]]


def catalogue(folder: Path, count: int) -> list[Document]:
    """Return papers, the same ones each time."""
    papers = read(folder / "items.jsonl.gz")
    listed = [paper | {"authors": []} for paper in papers]
    more = recombined(listed, max(0, count - len(papers)))
    texts = itertools.islice(itertools.chain(listed, more), count)
    chance = random.Random(1)
    return [
        Document(
            str(number),
            paper["title"],
            paper["abstract"],
            authors=(f"Ann Author{number % AUTHORS}",),
            categories=(FIELDS[number % len(FIELDS)],),
            trending=float(chance.randrange(100)) if number % VOTED == 0 else 0.0,
            grown=number % VOTED == 0,
            announced=float(chance.randrange(24 * DAYS)),
        )
        for number, paper in enumerate(texts)
    ]


def kinds(papers: Sequence[Document], chance: random.Random) -> Kinds:
    """Return what makes a random profile of each kind."""
    words = [re.findall(r"[A-Za-z][a-z-]{3,}", paper.title) for paper in papers]
    pairs = [f"{one} {two}" for title in words for one, two in itertools.pairwise(title)]

    def likes(count: int) -> list[str]:
        return [paper.id for paper in chance.sample(papers, count)]

    return {
        "1 like": lambda: Profile(likes=likes(1)),
        "10 likes": lambda: Profile(likes=likes(10)),
        "15 likes": lambda: Profile(likes=likes(15)),
        "3 searches": lambda: Profile(texts=chance.sample(pairs, 3)),
        "5 authors": lambda: Profile(
            authors=[f"Ann Author{chance.randrange(AUTHORS)}" for _ in range(5)]
        ),
    }


def milliseconds(work: Callable[[], object]) -> float:
    """Return the CPU time of a call."""
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1000


def choose(index: Index, profiles: Sequence[Profile]) -> None:
    """Choose papers for readers as a worker does for a portion of them."""
    index.prepare(profiles)
    for profile in profiles:
        compose(index, profile, SIZE)


def explanations(index: Index, chance: random.Random) -> Iterator[tuple[float, bool | None]]:
    """Yield for random readers and papers the CPU time, and whether the proposed change is true."""
    made = kinds(index.candidates, chance)
    for number in range(CASES):
        profile = list(made.values())[number % len(made)]()
        asked = DigestRequest(profile, EXPLAINED_SIZE)
        paper = chance.choice(index.candidates).id
        start = time.process_time()
        change = explain(index, asked, paper).change
        spent = (time.process_time() - start) * 1000
        yield spent, None if change is None else is_in(index, asked.with_change(change), paper)


def is_in(index: Index, asked: DigestRequest, paper: str) -> bool:
    """Return whether a digest holds a paper."""
    return any(pick.paper == paper for pick in asked.picks(index))


def measure(papers: list[Document], readers: int) -> None:
    """Print the figures of one catalogue."""
    with tempfile.TemporaryDirectory(prefix="paperboy-bench-") as name:

        def opened() -> TextModel:
            return model_file.open_or_make(
                Path(name),
                "benchmark",
                papers,
                len(papers),
                {},
                lambda: TextModel(papers, len(papers)),
            )

        made = milliseconds(opened)
        [file] = Path(name).glob("*" + model_file.SUFFIX)
        megabytes = file.stat().st_size / 1e6
        read_again = milliseconds(opened)
        index = Index(papers, model=opened())
    print(
        f"{len(papers)} papers: index made in {made / 1000:.0f} s of CPU, {megabytes:.0f} MB, "
        f"opened in {read_again:.0f} ms",
        flush=True,
    )
    chance = random.Random(2)
    choose(index, [Profile(likes=[papers[0].id], texts=["speech"], topics=FIELDS[:1])])
    for kind, make in kinds(papers, chance).items():
        profiles = [make() for _ in range(readers)]
        each = milliseconds(partial(choose, index, profiles)) / readers
        again = milliseconds(partial(choose, index, profiles)) / readers
        print(
            f"  {kind:<10} {each:6.2f} ms a reader, {again:6.2f} with what others asked before, "
            f"{1000 / again:.0f} readers a second",
            flush=True,
        )
    found = list(explanations(index, chance))
    times, changes = [spent for spent, _ in found], [one for _, one in found if one is not None]
    print(
        f"  explain    {np.median(times):.1f} ms, 19 of 20 below {np.percentile(times, 95):.0f}, "
        f"all below {max(times):.0f}; {sum(changes)} of {len(changes)} proposed changes true",
        flush=True,
    )


def main(readers: int = SAMPLE_READERS, *sizes: int) -> None:
    """Print the figures for each number of papers."""
    data = Path(os.environ.get("RECSYS_DATA") or DATA) / "hf-authors"
    if not data.is_dir():
        print(f"{data} is not there: name the folder of the ranking sets in RECSYS_DATA.")
        return
    for count in sizes or (SAMPLE_PAPERS,):
        measure(catalogue(data, count), readers)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
