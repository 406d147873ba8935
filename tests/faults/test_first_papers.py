"""A fresh clone, one command, and the papers of these days on the page within two minutes.

The sources are recorded answers, moved to today and replayed by a server on loopback.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from lxml import html

from papers.sources import arxiv_rss
from tests.conftest import ROOT
from tests.papers.source_server import JSON, Asked, Reply, SourceServer, recorded, source_server
from tests.service import STOP_SECONDS, environment
from tests.sink import free_port

SECONDS: Final = 120.0
LEAST_PAPERS: Final = 20
TIME: Final = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


def moved(body: bytes) -> bytes:
    """The answer with its times moved, so that the latest is an hour old."""
    latest = max(datetime.fromisoformat(stamp.decode()) for stamp in TIME.findall(body))
    by = datetime.now(UTC) - timedelta(hours=1) - latest

    def later(stamp: re.Match[bytes]) -> bytes:
        moment = datetime.fromisoformat(stamp[0].decode()) + by
        return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z").encode()

    return TIME.sub(later, body)


@pytest.fixture
def mirror() -> Iterator[SourceServer]:
    """Hugging Face's list of today, arXiv's feeds and an archive without news."""
    with source_server() as server:
        list_of_today = moved(recorded("hf-daily/2025-09-30.json.gz"))

        def votes(asked: Asked) -> Reply:
            today = asked.query["date"] == datetime.now(UTC).date().isoformat()
            return Reply(list_of_today if today else b"[]", JSON)

        server.answer_by("/huggingface.co/api/daily_papers", votes)
        feed = recorded("arxiv-rss/cs.AI-atom-2025-08-20-short.xml")
        feed = feed.replace(b"2025-08-20", datetime.now(UTC).date().isoformat().encode())
        empty = recorded("arxiv-rss/derived-weekend-empty-rss2.xml")
        for name in arxiv_rss.ALL_FEEDS:
            server.answer(f"/rss.arxiv.org/rss/{name}", Reply(feed if name == "cs" else empty))
        server.answer("/oaipmh.arxiv.org/oai", Reply(recorded("oai-pmh/arXiv-GetRecord.xml")))
        yield server


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A fresh clone in an empty folder, with the packages that are installed here."""
    there = tmp_path / "paperboy"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(there)], check=True)
    installed = there / ".venv"
    installed.mkdir()
    for entry in Path(sys.prefix).iterdir():
        if entry.suffix != ".stamp":
            (installed / entry.name).symlink_to(entry)
    (installed / "run.stamp").touch()
    return there


def fresh(page: html.HtmlElement) -> list[html.HtmlElement]:
    """The listed papers that are younger than 48 hours."""
    oldest = (datetime.now(UTC) - timedelta(hours=48)).date().isoformat()
    papers = page.findall(".//article")
    return [paper for paper in papers if paper.find(".//time").get("datetime") > oldest]


def served(url: str, enough: Callable[[html.HtmlElement], bool], began: float) -> float:
    """Return after how many seconds the page had enough."""
    while time.monotonic() - began < SECONDS:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if enough(html.fromstring(answer.read())):
                    return time.monotonic() - began
        except OSError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"{url} did not show enough in {SECONDS:.0f} s")


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_a_fresh_clone_shows_twenty_papers_of_these_days_with_authors_links_and_votes(
    clone: Path, mirror: SourceServer, figures: Callable[..., None]
) -> None:
    port = free_port()
    env = environment(clone / "var", PORT=str(port), SOURCES_MIRROR=mirror.url(""))
    del env["OFFLINE"]
    began = time.monotonic()
    service = subprocess.Popen(
        ["make", "run"], cwd=clone, env=env, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        home = f"http://127.0.0.1:{port}/"
        seconds = served(home, lambda page: len(fresh(page)) >= LEAST_PAPERS, began)
        with urllib.request.urlopen(home, timeout=5) as answer:
            papers = fresh(html.fromstring(answer.read()))
    finally:
        service.terminate()
        service.wait(STOP_SECONDS)
    figures(papers=len(papers), seconds=round(seconds, 1))
    assert seconds < SECONDS
    assert all(paper.find_class("byline")[0].text_content().strip() for paper in papers)
    links = [paper.find_class("links")[0].iterlinks() for paper in papers]
    assert all(next(found, None) for found in links)
    why = [paper.find_class("why")[0].text_content() for paper in papers]
    voted = [line for line in why if "upvote" in line]
    assert len(voted) >= LEAST_PAPERS
    assert all("on Hugging Face" in line for line in voted)
