"""A message that is never answered costs one connection and nothing else."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils.timezone import now
from pytest_django import Settings

from newsletter.delivery import connections as pools
from newsletter.delivery import late_results, outbox, rendering, sender
from newsletter.mail.backends import smtp
from newsletter.models import Digest, Notice
from tests import smtpd
from tests.factories import a_digest, a_paper, a_subscriber

pytestmark = pytest.mark.django_db(transaction=True)
STREAM = rendering.DIGESTS
State = Digest.State
SILENT = "silent.example"


@pytest.fixture
def silent_server(server: smtpd.Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[smtpd.Server]:
    """A server that takes every message and never answers those to one domain.

    The minutes of waiting for an answer are seconds here.
    """
    monkeypatch.setattr(smtp, "AFTER_DOT_TIMEOUT", 12.0)
    monkeypatch.setattr(late_results, "SENDING_RENEWAL_SECONDS", 1.0)
    server.trouble = lambda phase, who: "hang" if phase == "dot" and SILENT in who else ""
    yield server
    late_results.wait()
    assert not +pools.permits.taken


def digests(count: int, *, silent: int = 0) -> list[Digest]:
    paper = a_paper()
    items = [{"paper": paper.canonical_id, "reason": "new", "slot": "trending", "score": 0.5}]
    people = [a_subscriber() for _ in range(count - silent)]
    people[5:5] = [a_subscriber(email=f"silent{number}@{SILENT}") for number in range(silent)]
    return [a_digest(to=person, items=items) for person in people]


def longest_gap(moments: list[float]) -> float:
    return max(later - earlier for earlier, later in itertools.pairwise(moments))


@pytest.mark.parametrize("connections", [1, 3, 10])
def test_the_others_are_sent_meanwhile(
    silent_server: smtpd.Server, settings: Settings, connections: int
) -> None:
    settings.MAIL_CONNECTIONS = connections
    digests(60, silent=connections)
    start = time.monotonic()
    while Digest.objects.filter(state__in=[State.QUEUED, State.CLAIMED]).exists():
        sender.deliver(STREAM)
        assert time.monotonic() - start < 11
    assert longest_gap(silent_server.moments) < 5
    assert Digest.objects.filter(state=State.SENT).count() == 60 - connections
    assert Digest.objects.filter(state=State.SENDING).count() == connections
    late_results.wait()
    assert Digest.objects.filter(state=State.UNCERTAIN).count() == connections
    reasons = set(Digest.objects.filter(state=State.UNCERTAIN).values_list("reason", flat=True))
    assert all("sender stopped" not in reason for reason in reasons)
    assert silent_server.duplicates == []


def test_an_answer_that_comes_late_is_stored(
    silent_server: smtpd.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "SENDING_LEASE", timedelta(seconds=3))
    [digest] = digests(1)
    silent_server.delay = 8.0
    sender.deliver(STREAM)
    digest.refresh_from_db()
    assert digest.state == State.SENDING
    deadline = time.monotonic() + 15
    while digest.state == State.SENDING and time.monotonic() < deadline:
        assert outbox.release_expired(STREAM) == {}
        time.sleep(0.2)
        digest.refresh_from_db()
    assert (digest.state, digest.reason) == (State.SENT, "")


def test_a_silent_confirmation_delays_no_other_and_is_not_repeated(
    silent_server: smtpd.Server, settings: Settings
) -> None:
    settings.MAIL_CONNECTIONS = 1
    silent = a_subscriber(email=f"silent@{SILENT}")
    first = Notice.objects.create(kind=Notice.Kind.MANAGE, subscriber=silent)
    sender.deliver(rendering.NOTICES)
    start = time.monotonic()
    Notice.objects.create(kind=Notice.Kind.MANAGE, subscriber=a_subscriber())
    assert sender.deliver(rendering.NOTICES)["sent"] == 1
    assert time.monotonic() - start < 5
    for _ in range(20):
        outbox.release_expired(rendering.NOTICES)
        sender.deliver(rendering.NOTICES)
        time.sleep(0.1)
    first.refresh_from_db()
    assert (first.state, first.attempts) == (State.SENDING, 1)
    assert silent_server.duplicates == []


def test_a_sender_that_dies_leaves_its_open_message_uncertain_within_half_a_minute() -> None:
    assert timedelta(seconds=30) >= outbox.SENDING_LEASE
    lease_until = now() - timedelta(seconds=1)
    a_digest(state=State.SENDING, lease="dead", lease_until=lease_until)
    assert outbox.release_expired(STREAM) == {"uncertain": 1}
