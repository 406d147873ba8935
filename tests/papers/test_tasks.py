"""What the clock asks of the library."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from papers import tasks
from papers.models import Source

pytestmark = pytest.mark.django_db


def test_offline_the_clock_asks_no_source(settings: Settings) -> None:
    settings.OFFLINE = True
    due = Source.objects.create(name="due", kind="no-such-kind").next_run_at
    tasks.ingest_due()
    assert Source.objects.get().next_run_at == due


def test_a_visit_to_a_source_that_is_gone_is_nothing() -> None:
    tasks.ingest_source(12345)
    assert not Source.objects.exists()


def test_a_worker_s_visit_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    source = Source.objects.create(name="odd", kind="no-such-kind")

    tasks.ingest_source(source.pk)

    [said] = [line for line in caplog.messages if "odd" in line]
    assert said.startswith(
        "The visit to odd failed, 1 in a row: Its kind 'no-such-kind' is unknown"
    )
