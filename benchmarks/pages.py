"""Measure what every public page weighs on the wire and how long the server works for it.

    python -m benchmarks.pages [PAPERS] [SUBSCRIBERS]

By default 100,000 of each, in a fresh database. DATABASE_URL may name an empty PostgreSQL
database; without it a SQLite file is used. Of each kind of page SAMPLES addresses are asked for
through Django's test client, with all of the site's middleware, after one request that warms up;
CPU ms is what this process worked for one, without the database server. Then SEARCHES different
queries are run by the function behind the search page, the feeds of searches and the API. A line
that is over a bound says so, and the exit code is 1. The preview has a benchmark of its own:
``benchmarks.previews``.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from benchmarks.delivery import environment
from benchmarks.readers import LISTING, python

if TYPE_CHECKING:
    from django.test import Client

FULL: Final = (100_000, 100_000)
SAMPLES: Final = 20
SEARCHES: Final = 1000
MOST_BYTES: Final = 35_000
"""Of any page, compressed."""
MOST_MS: Final = 20.0
"""Of a list or the page of a paper, in the middle."""
SEARCH_MS: Final = 50.0
"""Of 95 of 100 searches."""


class Kind(NamedTuple):
    """A kind of page with some of its addresses; ``bounded`` if MOST_MS holds for it."""

    name: str
    paths: Sequence[str]
    bounded: bool = False

    @property
    def is_page(self) -> bool:
        """Return whether people read it, so that MOST_BYTES holds."""
        return not self.paths[0].endswith((".xml", ".json", ".bib", "metrics")) and (
            "/api/" not in self.paths[0]
        )


class Measured(NamedTuple):
    """The figures of one kind: compressed bytes, milliseconds (median, p95, CPU), queries."""

    name: str
    size: int
    middle: float
    slow: float
    cpu: float
    queries: int
    over: str


def kinds() -> Iterator[Kind]:
    """Yield every kind of public page with addresses in the database."""
    from papers.models import Edition, Paper

    dice = random.Random(5)
    day = Edition.objects.values_list("day", flat=True).order_by("-day")[1]
    recent = list(Paper.objects.order_by("-pk")[:20_000])
    chosen = dice.sample(recent, SAMPLES)
    papers = [paper.get_absolute_url() for paper in chosen]
    words = [paper.title.split()[-1] for paper in chosen]
    field = "fields/" + chosen[0].primary_category
    yield Kind("front page", ["/"], bounded=True)
    for name in ("week", "month", field, f"{field}/week", f"{field}/month", "fields/cs/week"):
        yield Kind(name, [f"/{name}/"], bounded=True)
    yield Kind("fields/cs/week, page 3", ["/fields/cs/week/?page=3"], bounded=True)
    yield Kind("fields", ["/fields/"])
    yield Kind("archive", ["/archive/"], bounded=True)
    yield Kind("archive day", [f"/archive/{day}/"], bounded=True)
    yield Kind("paper", papers, bounded=True)
    yield Kind("paper, cite.bib", [f"{path}cite.bib" for path in papers])
    yield Kind("search", [f"/search/?q={word}" for word in words])
    yield Kind("search, nothing found", [f"/search/?q={word}zzyzx" for word in words])
    yield Kind("search, empty", ["/search/"])
    for name in ("subscribe", "about/trending", "privacy"):
        yield Kind(name, [f"/{name}/"])
    for name in ("", "week/", f"{field}/", f"archive/{day}/"):
        yield Kind(f"{name}feed.xml", [f"/{name}feed.xml"])
        yield Kind(f"{name}feed.json", [f"/{name}feed.json"])
    yield Kind("search/feed.xml", [f"/search/feed.xml?q={word}" for word in words])
    yield from _machine_kinds(chosen, words)


def _machine_kinds(chosen: Sequence[Any], words: Sequence[str]) -> Iterator[Kind]:
    from newsletter.models import Digest, Subscriber
    from newsletter.security import tokens

    ids = [paper.canonical_id for paper in chosen]
    yield Kind("sitemap.xml", ["/sitemap.xml"])
    yield Kind("api trending", ["/api/v1/trending"])
    yield Kind("api papers", ["/api/v1/papers"])
    yield Kind("api paper", [f"/api/v1/papers/{one}" for one in ids])
    yield Kind("api similar", [f"/api/v1/papers/{one}/similar" for one in ids])
    yield Kind("api search", [f"/api/v1/search?q={word}" for word in words])
    yield Kind("api/openapi.json", ["/api/openapi.json"])
    reader = Subscriber.objects.order_by("pk")[0]
    digest = Digest.objects.filter(subscriber=reader)[0]
    yield Kind("preferences", [f"/preferences/{tokens.preferences_token(reader)}/"])
    token = tokens.feed_token(reader)
    for kind in ("xml", "json"):
        yield Kind(f"private feed.{kind}", [f"/feeds/{token}/feed.{kind}"])
    yield Kind("digest", [f"/digest/{tokens.digest_token(digest)}/"])
    for name in ("healthz", "readyz", "metrics"):
        yield Kind(name, [f"/{name}"])


def measure(client: Client, kind: Kind) -> Measured:
    """Ask for the pages of one kind."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        size = _get(client, kind.paths[0])[0]
    queries, seconds = len(captured), []
    cpu = time.process_time()
    times = max(SAMPLES, len(kind.paths))
    for number in range(times):
        weight, took = _get(client, kind.paths[number % len(kind.paths)])
        size = max(size, weight)
        seconds.append(took)
    cpu = (time.process_time() - cpu) / times * 1000
    middle, slow = statistics.median(seconds) * 1000, statistics.quantiles(seconds, n=20)[-1] * 1000
    over = ["bytes"] if kind.is_page and size > MOST_BYTES else []
    over += ["time"] if kind.bounded and middle > MOST_MS else []
    return Measured(kind.name, size, middle, slow, cpu, queries, " and ".join(over))


def _get(client: Client, path: str) -> tuple[int, float]:
    """Return the bytes of a page as a browser gets them and the seconds until it was ready."""
    from newsletter.web import request_limit

    request_limit.forget_all()
    start = time.perf_counter()
    response = client.get(path, headers={"accept-encoding": "gzip"})
    took = time.perf_counter() - start
    if response.status_code not in (200, 503):
        raise SystemExit(f"{path} answered {response.status_code}")
    return len(response.content), took


def queries(count: int) -> list[str]:
    """Return different searches: words, pairs, phrases, beginnings, names, fields, exclusions."""
    from papers.models import Paper

    dice = random.Random(11)
    rows = list(Paper.objects.order_by("pk").values_list("title", "authors", "primary_category"))
    found: dict[str, None] = {}
    while len(found) < count:
        title, authors, field = dice.choice(rows)
        words = [word.strip(".,:;?!()\"'") for word in title.split()]
        one, two = dice.choice(words), dice.choice(words)
        place = dice.randrange(len(words))
        phrase = " ".join(words[place : place + 2])
        forms = (
            one,
            f"{one} {two}",
            f'"{phrase}"',
            f"{one[:4]}*",
            f"author:{authors[0].split()[-1]}",
        )
        more = (f"{one} field:{field}", f"{one} -{two}", " ".join(words[:5]), words[0])
        found[dice.choice([*forms, *more])] = None
    return list(found)


def search_times(asked: Sequence[str]) -> list[float]:
    """Return the sorted milliseconds of each search."""
    from papers import search

    times = []
    for text in asked:
        start = time.perf_counter()
        search.find(search.read(text))
        times.append((time.perf_counter() - start) * 1000)
    return sorted(times)


def run(papers: int, subscribers: int, listing: Path) -> int:
    """Fill the database, measure all pages and print the table; returns how many are over."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsletter.settings")
    django.setup()
    from django.db import connection

    from benchmarks import catalogue

    start = time.perf_counter()
    catalogue.fill(
        papers, subscribers, [json.loads(row) for row in listing.read_text().split("\n") if row]
    )
    print(f"{papers:,} papers, {subscribers:,} subscribers, {connection.vendor}", end="; ")
    print(f"filled in {time.perf_counter() - start:.0f} s; {load()}")
    over = report_pages() + report_searches(min(SEARCHES, papers))
    print(f"{over} over their bounds")
    return over


def report_pages() -> int:
    """Print a line for each kind of page; returns how many are over a bound."""
    from django.test import Client

    print(f"{'':34}{'gzip bytes':>11}{'median ms':>11}{'p95 ms':>9}{'CPU ms':>9}{'queries':>9}")
    over = 0
    client = Client(HTTP_HOST="127.0.0.1")
    for kind in kinds():
        one = measure(client, kind)
        over += bool(one.over)
        print(
            f"{one.name:34}{one.size:>11,}{one.middle:>11.1f}{one.slow:>9.1f}{one.cpu:>9.1f}"
            f"{one.queries:>9}{f'  over: {one.over}' if one.over else ''}",
            flush=True,
        )
    return over


def report_searches(count: int) -> int:
    """Print how long different searches take; returns 1 if they are over their bound."""
    times = search_times(queries(count))
    p95 = times[int(len(times) * 0.95)]
    print(f"{count:,} different searches: median {statistics.median(times):.1f} ms", end=", ")
    print(f"p95 {p95:.1f} ms, slowest {times[-1]:.1f} ms; {load()}")
    return int(p95 > SEARCH_MS)


def load() -> str:
    """Return the machine's load in words."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def empty_database(folder: Path) -> Path:
    """Make this process use an empty database; return a file with the papers of the listing."""
    env = environment(folder, 0)
    env.pop("EMAIL_URL")
    python("manage.py", "migrate", "--verbosity", "0", env=env)
    python("manage.py", "ingest", "--file", str(LISTING), "--format", "listing", env=env)
    listing = folder / "listing.jsonl"
    listing.write_text(python("manage.py", "export_papers", env=env))
    python("manage.py", "flush", "--no-input", "--verbosity", "0", env=env)
    os.environ.update(env | {"LOG_LEVEL": "CRITICAL"})
    return listing


def main(papers: int = 2000, subscribers: int = 2000) -> int:
    """Print the table for a site of this size; returns how many lines are over their bounds."""
    with tempfile.TemporaryDirectory(prefix="paperboy-bench-") as name:
        listing = empty_database(Path(name))
        return run(papers, subscribers, listing)


if __name__ == "__main__":
    sys.exit(bool(main(*(map(int, sys.argv[1:]) if sys.argv[1:] else FULL))))
