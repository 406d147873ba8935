"""OPERATOR_WEBHOOK gets signed requests about what stops, and stops nothing itself."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from pytest_django import Settings

from newsletter.delivery import streams
from newsletter.models import Alert
from newsletter.process import alerts, operator_webhook
from tests.papers.source_server import Asked, Reply, SourceServer, source_server
from tests.sink import Sink

pytestmark = pytest.mark.django_db(transaction=True)
Traveller = Any
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
KEY = bytes(range(32))
PATH = "/hooks/a-key-of-its-own/"


@pytest.fixture
def clock() -> Iterator[Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def receiver(settings: Settings) -> Iterator[SourceServer]:
    """A server that takes every request at ``PATH``, where nobody gets a mail."""
    with source_server() as server:
        settings.OPERATOR_EMAIL = ""
        settings.OPERATOR_WEBHOOK = server.answer(PATH, Reply(status=204))
        settings.OPERATOR_WEBHOOK_SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
        yield server


@pytest.fixture
def slow_receiver(settings: Settings, receiver: SourceServer) -> Iterator[None]:
    """A server that sends its answer a byte at a time, so that no single read takes long."""
    stopping = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            while not stopping.wait(0.05):
                connection.sendall(b"H")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,), daemon=True)
        thread.start()
        settings.OPERATOR_WEBHOOK = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        yield
        stopping.set()
        thread.join()


def expected_signature(asked: Asked) -> str:
    """The signature by the words of Standard Webhooks 1.0."""
    signed = f"{asked.headers['webhook-id']}.{asked.headers['webhook-timestamp']}.".encode()
    digest = hmac.new(KEY, signed + asked.body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def test_a_stopped_stream_is_reported_by_a_signed_request(
    receiver: SourceServer, clock: Traveller
) -> None:
    streams.pause("digests", "Too many complaints.")
    alerts.send_alerts()
    (asked,) = receiver.asked
    sentence = "No digests are sent since 2026-11-26 12:00 UTC: Too many complaints."
    assert asked.path == PATH
    assert json.loads(asked.body) == {
        "type": "problem",
        "timestamp": "2026-11-26T12:00:00+00:00",
        "text": f"[Paperboy] {sentence}",
        "data": {
            "cause": "stream digests",
            "sentence": sentence,
            "since": "2026-11-26T12:00:00+00:00",
            "site": "http://127.0.0.1:8000",
        },
    }
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["webhook-timestamp"] == str(int(NOON.timestamp()))
    assert asked.headers["webhook-signature"] == expected_signature(asked)


def test_the_library_of_another_maker_accepts_the_signature(
    receiver: SourceServer, settings: Settings
) -> None:
    svix = pytest.importorskip("svix.webhooks")
    streams.pause("digests", "Refused.")
    alerts.send_alerts()
    (asked,) = receiver.asked
    webhook = svix.Webhook(settings.OPERATOR_WEBHOOK_SECRET)
    webhook.verify(asked.body, asked.headers)
    with pytest.raises(svix.WebhookVerificationError):
        webhook.verify(asked.body + b" ", asked.headers)


def test_a_stream_that_stops_again_and_again_is_reported_once_an_hour(
    receiver: SourceServer, clock: Traveller
) -> None:
    for minutes in range(0, 121, 10):
        clock.move_to(NOON + timedelta(minutes=minutes))
        streams.pause("digests", "Refused.")
        alerts.send_alerts()
        streams.resume("digests")
    assert len(receiver.asked) == 3
    assert len({asked.headers["webhook-id"] for asked in receiver.asked}) == 3


def test_mailbox_and_webhook_are_notified_once_each(
    receiver: SourceServer, sink: Sink, settings: Settings
) -> None:
    settings.OPERATOR_EMAIL = "operator@example.org"
    streams.pause("digests", "Refused.")
    alerts.send_alerts()
    alerts.send_alerts()
    assert (len(sink.accepted), len(receiver.asked)) == (1, 1)


def test_a_channel_that_accepted_is_not_notified_again_because_the_other_failed(
    receiver: SourceServer, sink: Sink, settings: Settings, clock: Traveller
) -> None:
    settings.OPERATOR_EMAIL = "operator@example.org"
    receiver.answer(PATH, Reply(status=500))
    streams.pause("digests", "Refused.")
    for minutes in range(0, 60, 5):
        clock.move_to(NOON + timedelta(minutes=minutes))
        alerts.send_alerts()
    assert (len(sink.accepted), len(receiver.asked)) == (1, 1)


def test_a_webhook_that_failed_alone_is_tried_again_after_five_minutes(
    receiver: SourceServer, clock: Traveller, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answer(PATH, Reply(status=500), Reply(status=204))
    streams.pause("digests", "Refused.")
    for minutes in (0, 4, 5, 10):
        clock.move_to(NOON + timedelta(minutes=minutes))
        alerts.send_alerts()
    assert len(receiver.asked) == 2
    assert "The operator's webhook could not be notified: it answered 500." in caplog.text


@pytest.mark.parametrize("status", [301, 404, 503])
def test_no_answer_but_a_2xx_counts_as_accepted(receiver: SourceServer, status: int) -> None:
    receiver.answer(PATH, Reply(status=status, headers={"Location": receiver.url("/elsewhere")}))
    streams.pause("digests", "Refused.")
    alerts.send_alerts()
    assert [asked.path for asked in receiver.asked] == [PATH]
    assert Alert.objects.get().since is None


def test_a_webhook_that_is_away_leaves_the_mail_and_the_other_troubles_alone(
    receiver: SourceServer, sink: Sink, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.OPERATOR_EMAIL = "operator@example.org"
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    settings.OPERATOR_WEBHOOK = f"http://127.0.0.1:{port}/a-key-of-its-own"
    streams.pause("digests", "Refused.")
    streams.pause("notices", "Refused.")
    with caplog.at_level(logging.DEBUG, "newsletter"):
        alerts.send_alerts()
    assert len(sink.accepted) == 2
    assert "could not be notified: ConnectError." in caplog.text
    assert "a-key-of-its-own" not in caplog.text


def test_an_answer_a_byte_at_a_time_is_given_up_at_the_deadline(
    slow_receiver: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(operator_webhook, "DEADLINE_SECONDS", 0.5)
    streams.pause("digests", "Refused.")
    alerts.send_alerts()
    assert "could not be notified: no answer within 0.5 seconds." in caplog.text
