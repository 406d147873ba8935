"""A worker that is killed while it reads, and ten thousand papers at once."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.conftest import ROOT
from tests.faults.world import kill
from tests.papers.ingest.test_runs import oai
from tests.papers.source_server import Asked, Reply, SourceServer, source_server
from tests.service import environment, manage

PAGES: Final = 40
A_PAGE: Final = 25
PAPERS: Final = 10_000
# With the search index and the claim sentence of each; 10,000 papers are ten days of arXiv. In the
# time that Python takes to count to a million: ten seconds of a core that does it in 26 ms.
UPSERT_MILLIONS: Final = 385
# The client is told in code alone that it may reach this server.
READER: Final = """
import sys
import django
django.setup()
from papers.http.client import Client
from papers.ingest import runs
from papers.models import Source
url, port = sys.argv[1], int(sys.argv[2])
source, _ = Source.objects.get_or_create(
    name="archive", defaults={"kind": "arxiv-oai", "address": url, "cursor": {"from": "2025-08-01"}}
)
outcome = runs.run(source, client=Client(opening=frozenset({("127.0.0.1", port)})))
sys.exit(0 if outcome.status == "ok" else 1)
"""
# Reads a file of records in one go, and says how long the rows took.
TIMER: Final = """
import sys
import time
from datetime import date
from pathlib import Path
import django
django.setup()
from papers.ingest.upsert import upsert
from papers.sources import jsonl
counted, cpu = 0, time.process_time()
while counted < 10_000_000:
    counted += 1
print((time.process_time() - cpu) / 10)
records = jsonl.parse(Path(sys.argv[1]).read_bytes(), today=date.today()).records
for _ in range(2):
    began, cpu = time.perf_counter(), time.process_time()
    counts = upsert(records, source="file", authority=1)
    print(counts.created, counts.updated, counts.unchanged)
    print(time.process_time() - cpu, time.perf_counter() - began)
"""


def archive(asked: Asked) -> Reply:
    """A page of the archive; its token names the next."""
    page = int(asked.query.get("resumptionToken", "0"))
    ids = (f"2508.{page * A_PAGE + number:05}" for number in range(A_PAGE))
    time.sleep(0.01)
    return Reply(oai(*ids, token=str(page + 1) if page + 1 < PAGES else ""))


def python(script: str, *arguments: str, env: dict[str, str]) -> subprocess.Popen[bytes]:
    settings = {"DJANGO_SETTINGS_MODULE": "newsletter.settings"}
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        env=env | settings,
        stdout=subprocess.PIPE,
    )


@pytest.fixture
def env(tmp_path: Path, database_url: str) -> dict[str, str]:
    """An installed database of the test's own, which holds the papers of the seed listing."""
    return environment(tmp_path, DATABASE_URL=database_url, LOG_LEVEL="WARNING")


def read_with_kills(server: SourceServer, env: dict[str, str], kills: int) -> int:
    """Kill the reader after some pages, again and again; how many kills were felt."""
    chance = random.Random(11)
    url, felt = server.answer_by("/oai", archive), 0
    for _ in range(kills):
        reader = python(READER, url, str(server.port), env=env)
        until = len(server.asked) + chance.randint(1, PAGES // kills)
        deadline = time.monotonic() + 20
        while len(server.asked) < until and reader.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(chance.random() * 0.03)
        felt += kill(reader)
    reader = python(READER, url, str(server.port), env=env)
    assert reader.wait(timeout=60) == 0
    return felt


def test_a_reader_that_is_killed_goes_on_where_it_was(
    env: dict[str, str], figures: Callable[..., None]
) -> None:
    with source_server() as server:
        felt = read_with_kills(server, env, kills=6)
    lines = manage("export_papers", env=env).stdout.splitlines()
    exported = [json.loads(line)["id"] for line in lines]
    ids = [paper for paper in exported if paper.startswith("2508.")]
    assert len(ids) == len(set(ids)) == PAGES * A_PAGE
    pages = Counter(asked.query.get("resumptionToken", "0") for asked in server.asked)
    assert len(pages) == PAGES
    assert sum(pages.values()) <= PAGES + felt
    figures(kills=felt, papers=len(ids), pages_asked_again=sum(pages.values()) - PAGES)


def test_ten_thousand_papers_are_kept_in_seconds_and_once(
    tmp_path: Path, env: dict[str, str], figures: Callable[..., None]
) -> None:
    path = tmp_path / "papers.jsonl"
    words = " ".join(f"word{number}" for number in range(180))
    with path.open("w") as file:
        for number in range(PAPERS):
            paper: dict[str, Any] = {
                "id": f"25{number // 9000 + 1:02}.{number % 9000:05}",
                "title": f"The {number}th study of everything",
                "abstract": f"Study {number} shows {words}.",
                "authors": ["Ann Lee", "Bo Chen", f"Cy {number}"],
                "categories": ["cs.AI", "cs.CL"],
                "upvotes": number % 50,
            }
            file.write(json.dumps(paper) + "\n")
    timer = python(TIMER, str(path), env=env)
    out, _ = timer.communicate(timeout=120)
    [million], first, took, again, took_again = map(str.split, out.decode().splitlines())
    assert first == [str(PAPERS), "0", "0"]
    assert again == ["0", "0", str(PAPERS)]
    cpu, seconds = map(float, took)
    assert cpu < UPSERT_MILLIONS * float(million)
    figures(
        papers=PAPERS,
        cpu_s=round(cpu, 1),
        seconds=round(seconds, 1),
        again_s=round(float(took_again[1]), 1),
    )
