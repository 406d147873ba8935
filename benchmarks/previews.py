"""Measure how long the page of the preview takes, from a process that has just begun.

    python -m benchmarks.previews [CANDIDATES]

By default 10,000 recent papers, in a fresh database; DATABASE_URL may name an empty PostgreSQL
database. Printed are the seconds that a process needs to read the papers, when it makes their text
model and when it finds that in a file, and then the milliseconds of the whole page through
Django's test client with all of the site's middleware: the first hit, and CHOICES different
choices after it. CPU ms is what this process worked for one, without the database server. The exit
code is 1 if the first hit, or 95 of 100 others, took longer than MOST_MS.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from benchmarks.pages import empty_database, load

if TYPE_CHECKING:
    from django.test import Client

CANDIDATES: Final = 10_000
CATALOGUE_SHARE: Final = 10 / 3
"""Papers in the catalogue for each candidate: 100 days, of which 30 are candidates."""
CHOICES: Final = 60
MOST_MS: Final = 300.0


def choices(count: int) -> list[str]:
    """Return the addresses of previews: searches, fields, likes, authors and mixtures of them."""
    from papers.models import Paper

    dice = random.Random(7)
    recent = list(Paper.objects.order_by("-announced_at")[:2000])
    found = []
    for _ in range(count):
        papers = dice.sample(recent, 5)
        words = papers[0].title.split()
        place = dice.randrange(len(words))
        fields = {
            "interests": " ".join(words[place : place + 3]),
            "topics": papers[1].primary_category,
            "likes": " ".join(paper.canonical_id for paper in papers[: dice.randrange(1, 6)]),
            "authors": papers[2].authors[0],
        }
        kept = dice.sample(sorted(fields), dice.randrange(1, 5))
        found.append("/preview/?" + urlencode({name: fields[name] for name in kept}))
    return found


def page(client: Client, path: str) -> tuple[float, float]:
    """Return the milliseconds of one page and those of this process's CPU."""
    from newsletter.web import request_limit

    request_limit.forget_all()
    cpu, start = time.process_time(), time.perf_counter()
    response = client.get(path, headers={"accept-encoding": "gzip"})
    if response.status_code != 200:
        raise SystemExit(f"{path} answered {response.status_code}")
    return (time.perf_counter() - start) * 1000, (time.process_time() - cpu) * 1000


def read_papers() -> str:
    """Return in words how long a process that keeps nothing needs to read the papers."""
    from newsletter.digests import preview

    preview.forget()
    cpu, start = time.process_time(), time.perf_counter()
    index = preview.kept_papers().index
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return f"{len(index):,} candidates in {seconds:.1f} s, CPU {cpu:.1f} s"


def run(papers: int, listing: Path) -> int:
    """Fill the database, measure and print; returns 1 if a page is over its bound."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsletter.settings")
    django.setup()
    from django.db import connection
    from django.test import Client

    from benchmarks import catalogue
    from newsletter.process import web_server

    rows = [json.loads(row) for row in listing.read_text().split("\n") if row]
    catalogue.fill(papers, 1, rows)
    print(f"{papers:,} papers, {connection.vendor}; {load()}")
    print(f"read and indexed:         {read_papers()}")
    print(f"read, model from a file:  {read_papers()}")
    client = Client(HTTP_HOST="127.0.0.1")
    web_server.load_pages()
    first, cpu = page(client, "/preview/")
    print(f"first hit of the process: {first:.0f} ms, CPU {cpu:.0f} ms")
    times, work = zip(*(page(client, path) for path in choices(CHOICES)), strict=True)
    slow = statistics.quantiles(times, n=20)[-1]
    print(
        f"{CHOICES} choices: median {statistics.median(times):.0f} ms, p95 {slow:.0f} ms", end=", "
    )
    print(f"slowest {max(times):.0f} ms, CPU {statistics.mean(work):.0f} ms a page; {load()}")
    return int(max(first, slow) > MOST_MS)


def main(candidates: int = 1000) -> int:
    """Print the figures for so many candidates; returns 1 if a page is over its bound."""
    with tempfile.TemporaryDirectory(prefix="paperboy-bench-") as name:
        listing = empty_database(Path(name))
        return run(int(candidates * CATALOGUE_SHARE), listing)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else CANDIDATES))
