"""Papers and subscribers for the benchmarks of delivery, each with different interests.

The papers are recombined from the listing in ``seeds/``: sentences of several abstracts, words of
two titles. Each reader searches for SEARCHES words of some titles, so that hardly two digests are
alike. The same numbers give the same papers and people.
"""

from __future__ import annotations

import csv
import json
import random
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
LISTING: Final = ROOT / "seeds" / "trending-papers-listing.txt"
PAPERS: Final = 1000
SENTENCES: Final = 7
SEARCHES: Final = 8
COLUMNS: Final = ("email", "confirmed_at", "consent_source", "interests", "size")


def python(*arguments: str, env: Mapping[str, str]) -> str:
    """Run a Python program and return its output; exits with its output when it fails."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def fill(folder: Path, env: Mapping[str, str]) -> list[str]:
    """Create a database with PAPERS papers; returns their titles."""
    python("manage.py", "migrate", "--verbosity", "0", env=env)
    python("manage.py", "ingest", "--file", str(LISTING), "--format", "listing", env=env)
    exported = python("manage.py", "export_papers", env=env)
    papers = list(recombined([json.loads(line) for line in exported.splitlines()], PAPERS))
    catalogue = folder / "papers.jsonl"
    catalogue.write_text("\n".join(map(json.dumps, papers)))
    python("manage.py", "ingest", "--file", str(catalogue), "--format", "jsonl", env=env)
    python("manage.py", "score", env=env)
    return [paper["title"] for paper in papers]


def settle(folder: Path, subscribers: int, env: Mapping[str, str]) -> None:
    """Create papers and confirmed subscribers by the operator's commands."""
    wanted = searches(fill(folder, env))
    people = folder / "people.csv"
    with people.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for number in range(subscribers):
            address = f"reader{number}@example.org"
            rows.writerow([address, "2026-01-05T08:00Z", "list", next(wanted), 10])
    python("manage.py", "import_subscribers", str(people), env=env)


def recombined(listed: list[dict[str, Any]], count: int) -> Iterator[dict[str, Any]]:
    """Yield ``count`` papers recombined from the sentences of others."""
    chance = random.Random(1)
    sentences = [
        sentence for paper in listed for sentence in re.split(r"(?<=\.) ", paper["abstract"])
    ]
    for number in range(count):
        first, second, third = chance.sample(listed, 3)
        head, tail = first["title"].split(), second["title"].split()
        identifier = f"2603.{number:05}"
        yield {
            "id": identifier,
            "title": " ".join(head[: len(head) // 2] + tail[len(tail) // 2 :]),
            "abstract": " ".join(chance.sample(sentences, SENTENCES)),
            "authors": third["authors"],
            "url": f"https://arxiv.org/abs/{identifier}",
            "pdf_url": f"https://arxiv.org/pdf/{identifier}",
        }


def searches(titles: list[str]) -> Iterator[str]:
    """Yield the searches of one reader after another, in the form of ``import_subscribers``."""
    chance = random.Random(2)
    words = sorted({word for title in titles for word in re.findall(r"[A-Za-z]{6,}", title)})
    while True:
        yield ";".join(chance.sample(words, SEARCHES))
