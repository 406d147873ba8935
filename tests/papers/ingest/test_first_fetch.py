"""The first minutes of a fresh installation, with the sources replayed by a local server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import time_machine
from django.utils.timezone import now

from newsletter.celery import app
from newsletter.process.beat import Scheduler
from papers import tasks
from papers.ingest import runs
from papers.models import Edition, Paper, Signal, Source
from papers.sources import arxiv_api, arxiv_oai, arxiv_rss, hf_daily
from tests.papers.source_server import JSON, Asked, Reply, SourceServer

pytestmark = pytest.mark.django_db
# A Wednesday: arXiv announced a batch the evening before.
MORNING = datetime(2026, 11, 25, 12, tzinfo=UTC)
FEED = '<rss version="2.0"><channel><title>arXiv</title>{}</channel></rss>'
ITEM = (
    "<item><title>Paper {0}</title><link>https://arxiv.org/abs/2611.{0:05}</link>"
    "<description>Abstract: We do {0}.</description><guid>oai:arXiv.org:2611.{0:05}v1</guid>"
    "<category>cs.AI</category><pubDate>Wed, 25 Nov 2026 00:00:00 -0500</pubDate>"
    '<dc:creator xmlns:dc="http://purl.org/dc/elements/1.1/">A. One, B. Two</dc:creator></item>'
)


def voted(number: int) -> dict[str, object]:
    return {
        "paper": {
            "id": f"2611.{number:05}",
            "title": f"Paper {number}",
            "summary": f"We do {number}.",
            "authors": [{"name": "A. One"}],
            "publishedAt": "2026-11-24T10:00:00.000Z",
            "upvotes": number,
        }
    }


@pytest.fixture
def replayed(server: SourceServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[SourceServer]:
    def feed(asked: Asked) -> Reply:
        numbers = range(1, 31) if asked.path.endswith("/cs") else ()
        return Reply(FEED.format("".join(map(ITEM.format, numbers))).encode())

    for name in arxiv_rss.ALL_FEEDS:
        server.answer_by(f"/rss/{name}", feed)
    votes = json.dumps([voted(number) for number in (1, 2, 3)]).encode()
    monkeypatch.setattr(arxiv_rss, "BASE", server.url("/rss/"))
    monkeypatch.setattr(hf_daily, "BASE", server.answer("/votes", Reply(votes, JSON)))
    monkeypatch.setattr(arxiv_oai, "BASE", server.url("/oai"))
    monkeypatch.setattr(arxiv_api, "BASE", server.url("/api"))
    monkeypatch.setattr(runs, "Client", partial(server.client))
    monkeypatch.setattr(tasks.ingest_source, "delay", tasks.ingest_source.run)
    with time_machine.travel(MORNING, tick=False):
        yield server


def test_the_first_round_brings_the_papers_of_the_day_with_their_votes(
    replayed: SourceServer,
) -> None:
    tasks.ingest_due()
    recent = Paper.objects.filter(announced_at__gt=now() - timedelta(hours=48))
    assert recent.count() >= 20
    assert [paper for paper in recent if not (paper.authors and paper.url)] == []
    votes = Signal.objects.filter(name="upvotes").values_list("source", "value")
    assert sorted(votes) == [("hf-daily", 1.0), ("hf-daily", 2.0), ("hf-daily", 3.0)]


def test_a_source_that_fails_at_first_does_not_hold_the_others_up(
    replayed: SourceServer,
) -> None:
    replayed.answer("/votes", Reply(b"", JSON, 500))
    tasks.ingest_due()
    assert Source.objects.get(name="hf-daily").last_status == Source.Status.FAILED
    assert Paper.objects.count() == 30


def test_what_a_visit_brings_is_shown_without_waiting_for_the_next_scoring(
    replayed: SourceServer,
) -> None:
    tasks.ingest_due()
    shown = Edition.objects.get(day=MORNING.date()).entries
    assert [entry["reason"] for entry in shown[:2]] == [
        "trending: +3 upvotes on Hugging Face in 11 hours",
        "trending: +2 upvotes on Hugging Face in 11 hours",
    ]


def test_the_sources_are_asked_at_the_start_and_all_else_after_its_interval() -> None:
    scheduler = Scheduler(app)
    due = {name for name, entry in scheduler.schedule.items() if entry.is_due()[0]}
    assert due == {"ingest"}
