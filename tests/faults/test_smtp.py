"""A mail server that refuses, hangs up or falls silent at every phase of the conversation."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from django.utils.timezone import now
from pytest_django import Settings

from newsletter.delivery import bounces, rendering, sender, streams
from newsletter.mail.backends import smtp
from newsletter.models import Digest, Stream
from tests import smtpd
from tests.factories import a_digest
from tests.faults.conftest import point_mail_at

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 12
State = Digest.State
PLAIN = b"250-sink\r\n250-AUTH PLAIN\r\n250 SIZE 10000000\r\n"
PIPELINING = smtpd.EXTENSIONS.replace(b"250-SIZE", b"250-AUTH PLAIN\r\n250-SIZE")


@pytest.fixture(params=[PIPELINING, PLAIN], ids=["pipelining", "plain"])
def server(
    request: pytest.FixtureRequest, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[smtpd.Server]:
    monkeypatch.setattr(smtp, "AFTER_DOT_TIMEOUT", 1.0)
    with smtpd.running(smtpd.Server(extensions=request.param)) as server:
        point_mail_at(server, settings)
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "paperboy", "password"
        yield server


@pytest.mark.parametrize(
    ("phase", "trouble", "state"),
    [
        ("rcpt", "450 4.2.1 later", State.QUEUED),
        ("rcpt", "550 5.1.1 no such user", State.FAILED),
        ("rcpt", "421 4.3.2 closing", State.QUEUED),
        ("rcpt", "drop", State.QUEUED),
        ("rcpt", "hang", State.QUEUED),
        ("data", "451 4.3.0 later", State.QUEUED),
        ("data", "554 5.6.0 no", State.QUEUED),
        ("data", "drop", State.QUEUED),
        ("data", "hang", State.QUEUED),
        ("dot", "451 4.3.0 later", State.QUEUED),
        ("dot", "554 5.7.1 no", State.QUEUED),
        ("dot", "drop", State.UNCERTAIN),
        ("dot", "lose", State.UNCERTAIN),
        ("dot", "hang", State.UNCERTAIN),
    ],
)
def test_a_failure_of_one_message_is_classified_and_the_others_are_sent(
    server: smtpd.Server, phase: str, trouble: str, state: str
) -> None:
    digests = [a_digest() for _ in range(PEOPLE)]
    unlucky = digests[5]
    server.trouble = lambda at, who: (
        trouble if (at, who) == (phase, unlucky.subscriber.email) else ""
    )
    sender.deliver(rendering.DIGESTS)
    unlucky.refresh_from_db()
    assert (unlucky.state, bool(unlucky.reason), unlucky.attempts) == (state, True, 1)
    assert Digest.objects.filter(state=State.SENT).count() == PEOPLE - 1

    server.trouble = smtpd.calm
    Digest.objects.filter(state=State.QUEUED).update(next_attempt_at=now())
    sender.deliver(rendering.DIGESTS)
    unlucky.refresh_from_db()
    assert unlucky.state == (State.SENT if state == State.QUEUED else state)
    assert server.duplicates == []


@pytest.mark.parametrize(
    ("phase", "trouble"),
    [
        *itertools.product(
            ["connect", "ehlo", "auth"], ["421 4.3.2 busy", "454 4.7.0 later", "drop", "hang"]
        ),
        ("connect", "554 5.3.2 no service"),
    ],
)
def test_a_server_that_takes_nobody_for_now_costs_nobody_an_attempt(
    server: smtpd.Server, phase: str, trouble: str
) -> None:
    for _ in range(3):
        a_digest()
    server.trouble = lambda at, _who: trouble if at == phase else ""
    assert sender.deliver(rendering.DIGESTS) == {"queued": 3}
    assert set(Digest.objects.values_list("attempts", flat=True)) == {0}
    assert is_paused() is False

    server.trouble = smtpd.calm
    assert sender.deliver(rendering.DIGESTS, patient=False) == {"sent": 3}
    assert server.duplicates == []


@pytest.mark.parametrize("phase", ["mail", "auth"])
def test_a_server_that_wants_none_of_our_mail_stops_it_and_loses_nothing(
    server: smtpd.Server, phase: str
) -> None:
    for _ in range(PEOPLE):
        a_digest()
    server.trouble = lambda at, _who: "550 5.7.1 not from you" if at == phase else ""
    assert sender.deliver(rendering.DIGESTS) == {"queued": PEOPLE}
    assert is_paused() is True

    server.trouble = smtpd.calm
    streams.resume("digests")
    Digest.objects.update(next_attempt_at=now())
    assert sender.deliver(rendering.DIGESTS) == {"sent": PEOPLE}
    assert server.duplicates == []


@pytest.mark.parametrize("trouble", ["451 4.7.1 greylisted", "drop", "hang"])
def test_a_refusal_of_the_envelope_s_sender_delays_those_whom_it_concerns(
    server: smtpd.Server, trouble: str
) -> None:
    for _ in range(PEOPLE):
        a_digest()
    met: list[str] = []

    def fifth(at: smtpd.Phase, _who: str) -> str:
        met.append(at)
        return trouble if at == "mail" and met.count("mail") == 5 else ""

    server.trouble = fifth
    sender.deliver(rendering.DIGESTS)
    waiting = Digest.objects.filter(state=State.QUEUED)
    assert waiting.count() <= 1
    waiting.update(next_attempt_at=now())
    sender.deliver(rendering.DIGESTS)
    assert len(server.taken) == Digest.objects.filter(state=State.SENT).count() == PEOPLE
    assert server.duplicates == []


def test_refusals_by_policy_stop_the_stream_and_spare_the_people(server: smtpd.Server) -> None:
    people = [a_digest().subscriber for _ in range(PEOPLE)]
    server.trouble = lambda at, _who: "554 5.7.1 blocked by policy" if at == "dot" else ""
    assert sender.deliver(rendering.DIGESTS) == {"queued": PEOPLE}
    bounces.process()
    for unlucky in people:
        unlucky.refresh_from_db()
        assert unlucky.status == unlucky.Status.ACTIVE
    assert is_paused() is True


def is_paused() -> bool:
    return Stream.objects.filter(name="digests", paused_at__isnull=False).exists()


def test_a_server_that_limits_messages_per_connection_delays_nobody(server: smtpd.Server) -> None:
    for _ in range(PEOPLE * 2):
        a_digest()
    seen: list[str] = []

    def every_third(at: smtpd.Phase, _who: str) -> str:
        seen.append(at)
        return "421 4.7.0 enough" if at == "mail" and seen.count("mail") % 3 == 0 else ""

    server.trouble = every_third
    sender.deliver(rendering.DIGESTS)
    states = set(Digest.objects.values_list("state", flat=True))
    assert states <= {State.SENT, State.QUEUED}
    assert Digest.objects.filter(state=State.SENT).count() > PEOPLE
    assert server.duplicates == []
