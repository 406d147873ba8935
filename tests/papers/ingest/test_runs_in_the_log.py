"""What the worker's log says of visits: trouble at once, the same trouble not each minute."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine

from papers.ingest import runs
from papers.models import Source
from tests.papers.ingest.test_runs import EMPTY_FEED, FEED, SATURDAY, TUESDAY, WEDNESDAY, source
from tests.papers.source_server import Reply, SourceServer

pytestmark = pytest.mark.django_db

WARNING, INFO = logging.WARNING, logging.INFO
BROKEN = Reply(status=404)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(INFO, "papers.ingest.runs"):
        yield caplog


def visit(found: Source, server: SourceServer) -> None:
    runs.run_unwatched(found, client=server.client())
    found.refresh_from_db()


def lines(log: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    """What was said since the last look, with its level."""
    said = [(record.levelno, record.getMessage()) for record in log.records]
    log.clear()
    return said


def test_a_failure_is_one_warning_with_its_source_its_number_and_its_reason(
    server: SourceServer, log: pytest.LogCaptureFixture
) -> None:
    feed = source("arxiv-rss", server.answer("/rss", BROKEN))

    visit(feed, server)

    said = f"The visit to arxiv-rss failed, 1 in a row: {feed.last_result}"
    assert lines(log) == [(WARNING, said)]
    assert "answered 404" in said


def test_a_suspect_visit_is_a_warning_too(
    server: SourceServer, log: pytest.LogCaptureFixture
) -> None:
    feed = source("arxiv-rss", server.answer("/rss", Reply(FEED)))
    with time_machine.travel(TUESDAY):
        visit(feed, server)
    lines(log)

    with time_machine.travel(WEDNESDAY):
        visit(feed, server)

    [(level, said)] = lines(log)
    assert level == WARNING
    assert said.startswith("The visit to arxiv-rss is suspect, 1 in a row: 7 of the 7 papers")


def test_a_good_visit_is_logged_with_its_counts_and_a_quiet_one_with_its_reason(
    server: SourceServer, log: pytest.LogCaptureFixture
) -> None:
    feed = source("arxiv-rss", server.answer("/rss", Reply(FEED), Reply(EMPTY_FEED)))
    with time_machine.travel(WEDNESDAY):
        visit(feed, server)
    with time_machine.travel(SATURDAY):
        visit(feed, server)

    (good, counted), (quiet, reason) = lines(log)

    assert (good, quiet) == (INFO, INFO)
    assert counted == ("The visit to arxiv-rss went well: 7 new, 0 updated, 0 unchanged papers.")
    assert reason.startswith("The visit to arxiv-rss was quiet: ")


def test_the_end_of_failures_is_logged(server: SourceServer, log: pytest.LogCaptureFixture) -> None:
    feed = source("arxiv-rss", server.answer("/rss", BROKEN, BROKEN, Reply(FEED)))
    with time_machine.travel(WEDNESDAY):
        for _ in range(3):
            visit(feed, server)

    assert "went well, after 2 in a row that did not: 7 new" in lines(log)[-1][1]


def test_the_same_failure_each_minute_is_logged_ever_more_rarely(
    server: SourceServer, log: pytest.LogCaptureFixture
) -> None:
    feed = source("arxiv-rss", server.answer("/rss", BROKEN))
    told = []
    for minute in range(1, 20):
        with time_machine.travel(WEDNESDAY + timedelta(minutes=minute)):
            visit(feed, server)
        told += [minute] * len(lines(log))

    assert told == [1, 2, 4, 8, 16]


def test_the_same_failure_after_a_long_wait_is_logged_again(
    server: SourceServer, log: pytest.LogCaptureFixture
) -> None:
    feed = source("arxiv-rss", server.answer("/rss", BROKEN), consecutive_failures=9)
    for hours in (0, 2, 8):
        with time_machine.travel(WEDNESDAY + timedelta(hours=hours)):
            visit(feed, server)

    assert len(lines(log)) == 3


def test_another_reason_is_logged_at_once(
    server: SourceServer, log: pytest.LogCaptureFixture
) -> None:
    url = server.answer("/rss", BROKEN, BROKEN, BROKEN, Reply(status=403))
    feed = source("arxiv-rss", url, consecutive_failures=8)
    with time_machine.travel(WEDNESDAY):
        for _ in range(4):
            visit(feed, server)

    assert [said.split(": ")[1][-14:] for _, said in lines(log)] == [
        "404 Not Found.",
        "403 Forbidden.",
    ]


def test_a_reason_that_quotes_its_source_stays_one_line(
    server: SourceServer, log: pytest.LogCaptureFixture
) -> None:
    error = b"""<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">
        <error code="down&#10;ERROR root: &#x9b;31mall is lost">later</error></OAI-PMH>"""
    archive = source("arxiv-oai", server.answer("/oai", Reply(error)))

    visit(archive, server)

    [(_, said)] = lines(log)
    assert "down ERROR root: 31mall is lost: later" in said
