"""A fault that every message meets stops the stream and fails nobody for good."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils.timezone import now
from pytest_django import Settings

from newsletter.conf import env
from newsletter.delivery import rendering, sender, streams
from newsletter.models import Consent, Digest, Notice, Stream
from papers.models import Paper
from tests.factories import a_digest, a_subscriber
from tests.faults.provider import Provider
from tests.sink import Sink

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 20
STREAM = rendering.DIGESTS
State = Digest.State


def paused_because(stream: str = "digests") -> str:
    found = Stream.objects.filter(name=stream, paused_at__isnull=False).first()
    return found.paused_reason if found else ""


def go_on() -> None:
    streams.resume("digests")
    Digest.objects.update(next_attempt_at=now())


def test_ten_refusals_of_ten_stop_the_stream_and_everybody_is_kept(provider: Provider) -> None:
    for _ in range(PEOPLE):
        a_digest()
    provider.behaviour = lambda _who: "422"
    assert sender.deliver(STREAM) == {"queued": PEOPLE}
    assert len(provider.asked) == 10
    assert "The provider answered HTTP 422." in paused_because()
    tried = Digest.objects.exclude(attempts=0)
    assert all("HTTP 422" in digest.reason for digest in tried)

    provider.behaviour = lambda _who: ""
    go_on()
    assert sender.deliver(STREAM) == {"sent": PEOPLE}
    assert len(provider.taken) == PEOPLE


def test_fewer_refusals_than_ten_among_fifty_stop_nothing(
    provider: Provider, settings: Settings
) -> None:
    settings.MAIL_CONNECTIONS = 1
    digests = [a_digest() for _ in range(12)]
    taken = {digests[place].subscriber.email for place in (4, 8, 9)}
    provider.behaviour = lambda who: "" if who in taken else "422"
    assert sender.deliver(STREAM) == {"sent": 3, "failed": 9}
    assert paused_because() == ""


def test_ten_refusals_among_the_last_fifty_stop_the_stream(
    provider: Provider, settings: Settings
) -> None:
    settings.MAIL_CONNECTIONS = 1
    digests = [a_digest() for _ in range(60)]
    refused = {digest.subscriber.email for digest in digests[3::4]}
    provider.behaviour = lambda who: "422" if who in refused else ""
    assert sender.deliver(STREAM) == {"sent": 30, "queued": 30}
    assert "10 of 40 mails were refused" in paused_because()


def test_recipients_that_are_refused_stop_nothing(sink: Sink) -> None:
    for _ in range(PEOPLE):
        a_digest()
    sink.at_recipient = "550 5.1.1 no such user"
    assert sender.deliver(STREAM) == {"failed": PEOPLE}
    assert paused_because() == ""


def test_a_mail_server_that_refuses_every_message_stops_the_stream(sink: Sink) -> None:
    for _ in range(PEOPLE):
        a_digest()
    sink.at_message = "554 5.6.0 not like this"
    assert sender.deliver(STREAM) == {"queued": PEOPLE}
    assert "not like this" in paused_because()


def test_a_missing_postal_address_stops_at_once_and_fails_nobody(
    sink: Sink, settings: Settings
) -> None:
    for _ in range(3):
        a_digest()
    address, settings.POSTAL_ADDRESS = settings.POSTAL_ADDRESS, ""
    assert sender.deliver(STREAM) == {"queued": 3}
    assert "POSTAL_ADDRESS" in paused_because()
    assert set(Digest.objects.values_list("attempts", flat=True)) == {0}

    settings.POSTAL_ADDRESS = address
    go_on()
    assert sender.deliver(STREAM) == {"sent": 3}


def test_a_missing_postal_address_keeps_confirmations_too(sink: Sink, settings: Settings) -> None:
    settings.POSTAL_ADDRESS = ""
    person = a_subscriber(status="pending")
    consent = Consent.objects.create(subscriber=person, action=Consent.Action.SIGN_UP)
    Notice.objects.create(kind=Notice.Kind.CONFIRM, subscriber=person, consent=consent)
    assert sender.deliver(rendering.NOTICES) == {"queued": 1}
    assert "POSTAL_ADDRESS" in paused_because("notices")


def test_digests_whose_papers_are_gone_fail_and_stop_nothing(sink: Sink) -> None:
    for _ in range(6):
        a_digest()
    Paper.objects.all().delete()
    a_digest()
    assert sender.deliver(STREAM) == {"failed": 6, "sent": 1}
    assert paused_because() == ""


@pytest.mark.parametrize(
    "sender_of_all",
    ["Paperboy, Inc. <news@example.org>", "Paperboy", "news@", "", "a@example.org, b@example.org"],
)
def test_a_sender_that_is_no_address_stops_at_once_and_fails_nobody(
    sink: Sink, settings: Settings, sender_of_all: str
) -> None:
    for _ in range(3):
        a_digest()
    settings.DEFAULT_FROM_EMAIL = sender_of_all
    assert sender.deliver(STREAM) == {"queued": 3}
    assert "DEFAULT_FROM_EMAIL" in paused_because()
    assert set(Digest.objects.values_list("attempts", flat=True)) == {0}

    settings.DEFAULT_FROM_EMAIL = '"Paperboy, Inc." <news@example.org>'
    go_on()
    assert sender.deliver(STREAM) == {"sent": 3}


def test_ten_mails_that_cannot_be_written_stop_the_stream(sink: Sink, settings: Settings) -> None:
    for _ in range(PEOPLE):
        a_digest()
    settings.DEFAULT_FROM_EMAIL = "Paperboy\n <digest@example.org>"
    assert sender.deliver(STREAM) == {"queued": PEOPLE}
    assert "line break" in paused_because()


def test_what_was_too_late_stops_nothing(sink: Sink) -> None:
    for _ in range(6):
        a_digest(expires_at=now() - timedelta(minutes=1))
    assert sender.deliver(STREAM) == {"failed": 6}
    assert paused_because() == ""


@pytest.mark.parametrize(
    ("written", "read"), [("30", 30.0), (" 10, 60 ", (10.0, 60.0)), ("0.5", 0.5)]
)
def test_a_deadline_of_anymail_is_read_as_numbers(
    monkeypatch: pytest.MonkeyPatch, written: str, read: Any
) -> None:
    monkeypatch.setenv("ANYMAIL_REQUESTS_TIMEOUT", written)
    assert env.anymail()["REQUESTS_TIMEOUT"] == read


@pytest.mark.parametrize("written", ["soon", "10,", "1,2,3", "0", "-1", "inf"])
def test_a_deadline_that_is_none_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    monkeypatch.setenv("ANYMAIL_REQUESTS_TIMEOUT", written)
    with pytest.raises(ImproperlyConfigured, match="ANYMAIL_REQUESTS_TIMEOUT"):
        env.anymail()
