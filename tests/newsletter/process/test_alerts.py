"""Mails to OPERATOR_EMAIL: one for each thing that stops, at most once an hour."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from pytest_django import Settings

from newsletter.delivery import streams
from newsletter.models import Alert, Heartbeat
from newsletter.process import alerts, status
from papers.models import Source
from tests.sink import Sink

pytestmark = pytest.mark.django_db(transaction=True)
Traveller = Any
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def operator(settings: Settings) -> None:
    settings.OPERATOR_EMAIL = "operator@example.org"


def subjects(sink: Sink) -> list[str]:
    parsed = [email.message_from_bytes(raw, policy=email.policy.default) for raw in sink.accepted]
    return [str(message["Subject"]) for message in parsed]


def test_a_stopped_stream_is_notified_at_once_and_once_a_day_while_it_lasts(
    sink: Sink, clock: Traveller
) -> None:
    streams.pause("digests", "Too many complaints.")
    for hours in (0, 1, 2, 23):
        clock.move_to(NOON + timedelta(hours=hours))
        alerts.send_alerts()
    assert len(sink.accepted) == 1
    clock.move_to(NOON + timedelta(hours=24))
    alerts.send_alerts()
    assert (
        subjects(sink)
        == ["[Paperboy] No digests are sent since 2026-11-26 12:00 UTC: Too many complaints."] * 2
    )
    assert sink.recipients == ["operator@example.org"] * 2


def test_a_stream_that_stops_again_and_again_is_reported_once_an_hour(
    sink: Sink, clock: Traveller
) -> None:
    for minutes in range(0, 121, 10):
        clock.move_to(NOON + timedelta(minutes=minutes))
        streams.pause("digests", "Refused.")
        alerts.send_alerts()
        streams.resume("digests")
    assert len(sink.accepted) == 3


@pytest.mark.parametrize("name", ["beat", "worker", "worker celery@b"])
def test_a_part_that_does_not_report_for_five_minutes_is_a_problem(
    sink: Sink, clock: Traveller, name: str
) -> None:
    Heartbeat.objects.create(name=name, at=NOON)
    clock.move_to(NOON + timedelta(minutes=5))
    assert alerts.send_alerts() == []
    clock.move_to(NOON + timedelta(minutes=5, seconds=1))
    assert [problem.cause for problem in alerts.send_alerts()] == [name]
    assert len(sink.accepted) == 1


def test_a_source_that_fails_for_a_day_is_reported(sink: Sink, clock: Traveller) -> None:
    source = Source.objects.create(
        name="arxiv", kind="arxiv-rss", last_status=Source.Status.FAILED, last_success_at=NOON
    )
    clock.move_to(NOON + timedelta(hours=24))
    assert alerts.send_alerts() == []
    clock.move_to(NOON + timedelta(hours=25))
    assert [problem.cause for problem in alerts.send_alerts()] == ["source arxiv"]
    Source.objects.filter(pk=source.pk).update(last_status=Source.Status.OK)
    Alert.objects.all().delete()
    assert alerts.send_alerts() == []


def test_a_mail_that_was_refused_is_tried_again_after_five_minutes(
    sink: Sink, clock: Traveller
) -> None:
    sink.at_recipient = "451 4.3.0 later"
    streams.pause("digests", "Refused.")
    alerts.send_alerts()
    sink.at_recipient = ""
    clock.move_to(NOON + timedelta(minutes=4))
    assert alerts.send_alerts() == []
    clock.move_to(NOON + timedelta(minutes=5))
    alerts.send_alerts()
    assert len(sink.accepted) == 1


def test_an_alert_of_a_clock_that_was_ahead_silences_nothing(sink: Sink, clock: Traveller) -> None:
    streams.pause("digests", "Refused.")
    Alert.objects.create(
        cause="stream digests", sentence="x", since=NOON, notified_at=NOON + timedelta(days=700)
    )
    alerts.send_alerts()
    assert len(sink.accepted) == 1


def test_two_processes_that_look_at_once_send_one_mail(sink: Sink) -> None:
    streams.pause("digests", "Refused.")
    [problem] = status.stopped_streams(status.read())
    assert [alerts._claim(problem) for _ in range(3)] == [True, False, False]


def test_without_an_operator_nobody_is_notified(sink: Sink, settings: Settings) -> None:
    settings.OPERATOR_EMAIL = ""
    streams.pause("digests", "Refused.")
    assert alerts.send_alerts() == []
    assert not Alert.objects.exists()
