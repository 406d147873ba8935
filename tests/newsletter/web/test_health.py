"""/healthz, /readyz and /metrics, the pages that monitors read."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils.timezone import now
from pytest_django import DjangoAssertNumQueries, Settings

from newsletter.models import DeliveryEvent, Heartbeat, Stream, Subscriber
from newsletter.process import daily
from papers.models import Source
from tests.factories import a_digest


@pytest.fixture
def worker(db: None) -> Heartbeat:
    return Heartbeat.objects.create(name="worker")


@pytest.fixture
def silent_redis(settings: Settings) -> Iterator[None]:
    """An address that accepts connections and never says a word, like a frozen Redis."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.REDIS_URL = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        yield


def test_healthz_asks_the_database_nothing(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries, db: None
) -> None:
    with django_assert_num_queries(0):
        assert client.get("/healthz").status_code == 200


def test_a_service_with_everything_in_place_is_ready(
    client: Client, worker: Heartbeat, settings: Settings
) -> None:
    settings.REDIS_URL = ""
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "ready": True,
        "database": "ok",
        "migrations": "ok",
        "worker": "ok",
        "clock": "ok",
        "broker": "ok",
        "streams": {"digests": "running", "notices": "running"},
        "oldest_queued_seconds": {"digests": 0, "notices": 0},
        "events": {"unread": 0, "oldest_seconds": 0},
        "beat": "ok",
        "silent_workers": {},
        "failing_sources": {},
    }


def test_what_is_paused_old_or_not_reporting_is_shown_and_leaves_the_service_ready(
    client: Client, worker: Heartbeat
) -> None:
    moment = now()
    Stream.objects.create(name="digests", paused_at=moment, paused_reason="198.51.100.7 is listed")
    Stream.objects.create(name="notices", hold_until=moment + timedelta(minutes=5))
    Heartbeat.objects.create(name="beat", at=moment - timedelta(minutes=6))
    Heartbeat.objects.create(name="worker celery@b", at=moment - timedelta(minutes=6))
    Source.objects.create(name="arxiv", kind="arxiv-rss", last_status=Source.Status.FAILED)
    a_digest(due_at=moment - timedelta(hours=2))
    DeliveryEvent.objects.create(
        provider="x", event_key="1", type="bounced", occurred_at=moment, received_at=moment
    )
    answer = client.get("/readyz")
    told = answer.json()
    assert (answer.status_code, told["ready"]) == (200, True)
    assert told["streams"]["digests"].startswith("paused since ")
    assert told["streams"]["notices"].startswith("held until ")
    assert "198.51.100.7" not in answer.content.decode(), "anybody may read this page"
    assert told["oldest_queued_seconds"]["digests"] >= 7200
    assert told["events"]["unread"] == 1
    assert told["beat"].startswith("The beat has not reported since ")
    assert list(told["silent_workers"]) == ["worker celery@b"]
    assert told["failing_sources"]["source arxiv"].endswith("has never succeeded.")


def test_a_host_whose_clock_is_off_makes_the_service_unready(
    client: Client, worker: Heartbeat
) -> None:
    Heartbeat.objects.create(name="worker celery@b", skew_seconds=-31)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["clock"].startswith("The clock of celery@b is off by 31 seconds")


def test_a_silent_worker_makes_the_service_unready(client: Client, worker: Heartbeat) -> None:
    worker.at = now() - timedelta(seconds=121)
    worker.save()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["worker"].startswith("no sign of life for 12")


def test_a_worker_that_never_started_makes_the_service_unready(client: Client, db: None) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["worker"] == "no worker has started yet"


def test_a_missing_migration_makes_the_service_unready(client: Client, worker: Heartbeat) -> None:
    (newest,) = MigrationLoader(connection).graph.leaf_nodes("newsletter")
    MigrationRecorder(connection).record_unapplied(*newest)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "python manage.py migrate" in answer.json()["migrations"]


def test_a_frozen_broker_is_reported_within_a_second(
    client: Client, worker: Heartbeat, silent_redis: None
) -> None:
    begun = time.monotonic()
    answer = client.get("/readyz")
    assert time.monotonic() - begun < 1
    assert answer.status_code == 200, "the worker works without its broker"
    assert answer.json()["broker"] == "Redis does not answer"


@pytest.mark.parametrize("page", ["/healthz", "/readyz", "/metrics"])
def test_only_reading_is_allowed(client: Client, page: str) -> None:
    assert client.post(page).status_code == 405


def test_metrics_count_every_state_even_the_empty_ones(
    client: Client, worker: Heartbeat, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(3):
        address = f"reader{number}@example.org"
        Subscriber.objects.create(email=address, email_key=address, status="active")
    with django_assert_max_num_queries(12):
        text = client.get("/metrics").content.decode()
    assert 'paperboy_subscribers{status="active"} 3.0' in text
    assert 'paperboy_subscribers{status="suppressed"} 0.0' in text
    assert 'paperboy_digests{state="uncertain"} 0.0' in text
    assert 'paperboy_heartbeat_age_seconds{name="worker"}' in text
    assert 'paperboy_stream_running{stream="digests"} 1.0' in text
    assert 'paperboy_oldest_queued_seconds{stream="notices"} 0.0' in text
    assert 'paperboy_events{what="unread"} 0.0' in text
    assert "reader0" not in text


@pytest.mark.parametrize("count", [0, 40])
def test_metrics_take_at_most_twelve_queries_whatever_the_number_of_parts(
    client: Client, db: None, django_assert_max_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    for number in range(count):
        Heartbeat.objects.create(name=f"worker celery@{number}")
        Stream.objects.create(name=f"stream-{number}", paused_at=now())
        Source.objects.create(name=f"source-{number}", kind="arxiv-rss", last_success_at=now())
        a_digest(state="sent" if number % 2 else "queued")
    daily.count_days(now())
    with django_assert_max_num_queries(12):
        text = client.get("/metrics").content.decode()
    assert text.count("paperboy_source_success_age_seconds{") == count
    assert text.count("paperboy_heartbeat_age_seconds{") == count


def test_metrics_are_hidden_in_production_without_the_token(
    client: Client, settings: Settings, db: None
) -> None:
    settings.LOCAL = False
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404
    settings.METRICS_TOKEN = "a-token"
    assert client.get("/metrics", headers={"Authorization": "Bearer other"}).status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer a-token"}).status_code == 200


@pytest.mark.django_db
def test_metrics_count_waiting_digests_now_and_settled_ones_from_the_table_of_days(
    client: Client,
) -> None:
    for state in ("sent", "sent", "failed", "queued"):
        a_digest(state=state, due_at=now())
    daily.count_days(now())
    text = client.get("/metrics").content.decode()
    for line in ('"sent"} 2.0', '"failed"} 1.0', '"queued"} 1.0', '"cancelled"} 0.0'):
        assert f"paperboy_digests{{state={line}" in text
