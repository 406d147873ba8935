"""Measure how long scoring a large catalogue takes, and scoring it again.

    python -m benchmarks.scoring [PAPERS]

Papers of 30 days in 20 fields, with 20 signals each, in a fresh database. In the same run: what it
takes only to read the same signals as model objects. DATABASE_URL may name an empty PostgreSQL
database; without it a SQLite file is used.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.delivery import environment
from benchmarks.readers import python

if TYPE_CHECKING:
    from papers.models import Signal

SERIES: Final = (
    ("hf-daily", "upvotes", 20),
    ("hf-daily", "comments", 2),
    ("hf-daily", "stars", 30),
    ("openalex", "citations", 1),
    ("subscribers", "likes", 2),
)
READINGS: Final = 4
FIELDS: Final = 20
DAYS: Final = 30
NEWEST: Final = datetime(2026, 3, 11, tzinfo=UTC)
CHUNK: Final = 2000


def fill(papers: int) -> None:
    """Create papers with growing counts; the same ones each time."""
    from papers.models import Edition, Paper, Signal

    dice = random.Random(4)
    for start in range(0, papers, CHUNK):
        chunk = [
            Paper(
                canonical_id=f"2603.{number:06}",
                title_key=str(number),
                title=f"Method {number}: how to do a thing in {dice.randint(3, 12)} steps",
                abstract="We do a thing. " * dice.randint(20, 90),
                authors=[f"Author {dice.randint(1, papers)}" for _ in range(dice.randint(1, 20))],
                primary_category=f"cs.{number % FIELDS}",
                code_url="https://github.com/a/b" if dice.random() < 0.4 else "",
                announced_at=NEWEST - timedelta(days=DAYS * number / papers),
            )
            for number in range(start, min(start + CHUNK, papers))
        ]
        Paper.objects.bulk_create(chunk)
        Signal.objects.bulk_create(
            [signal for paper in chunk for signal in signals(paper.pk, paper.announced_at, dice)],
            batch_size=CHUNK,
        )
    leaders = [{"paper": f"2603.{number:06}"} for number in range(10)]
    Edition.objects.create(day=NEWEST.date() - timedelta(days=1), entries=leaders)


def signals(paper: int, announced: datetime, dice: random.Random) -> list[Signal]:
    """Return the readings of one paper, beginning two hours after its announcement."""
    from papers.models import Signal

    found = []
    for source, name, typical in SERIES:
        value = 0
        for reading in range(READINGS):
            value += round(dice.expovariate(1 / typical))
            at = announced + timedelta(hours=2 + 8 * reading)
            found.append(
                Signal(paper_id=paper, source=source, name=name, value=value, observed_at=at)
            )
    return found


def timed(call: Callable[[], object]) -> tuple[float, object]:
    """Return the seconds that the call took, and its result."""
    start = time.perf_counter()
    answer = call()
    return time.perf_counter() - start, answer


def measure(papers: int) -> dict[str, object]:
    """Fill the database, read it as objects, score it twice."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsletter.settings")
    django.setup()
    from papers.models import Signal
    from papers.trending.update import score

    fill(papers)
    at = NEWEST + timedelta(days=1)
    plain, _ = timed(lambda: sum(signal.value for signal in Signal.objects.iterator()))
    first, counts = timed(lambda: score(at))
    second, again = timed(lambda: score(at))
    return {"plain": plain, "first": first, "second": second, "counts": counts, "again": again}


def main(papers: int = 5000) -> None:
    """Print the times of both scorings as ratios to reading the same signals."""
    with tempfile.TemporaryDirectory(prefix="paperboy-bench-") as name:
        env = environment(Path(name), 0)
        python("manage.py", "migrate", "--verbosity", "0", env=env)
        measured = json.loads(python("-m", "benchmarks.scoring", "measure", str(papers), env=env))
    print(f"{papers} papers, {papers * len(SERIES) * READINGS} signals")
    print(f"first scoring: {measured['first']:.2f} s, {measured['counts']['changed']} rows written")
    print(
        f"second scoring: {measured['second']:.2f} s, {measured['again']['changed']} rows written"
    )
    ratios = measured["first"] / measured["plain"], measured["second"] / measured["plain"]
    print(f"only reading the signals as objects: {measured['plain']:.2f} s")
    print(f"scoring against reading: {ratios[0]:.2f} times, again {ratios[1]:.2f} times")


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        print(json.dumps(measure(int(sys.argv[2]))))
    else:
        main(*map(int, sys.argv[1:]))
