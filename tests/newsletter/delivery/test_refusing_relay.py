"""A mail server that refuses everybody stops the stream and suppresses nobody."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
import time_machine
from django.db import connections
from django.utils.timezone import now
from pytest_django import Settings

from newsletter.delivery import bounces, rendering, sender, streams
from newsletter.models import DeliveryEvent, Digest, Stream, Subscriber, Suppression
from tests import smtpd
from tests.conftest import DATA
from tests.factories import a_digest, a_paper, a_subscriber
from tests.rounds import digest_round

pytestmark = pytest.mark.django_db(transaction=True)
STREAM = rendering.DIGESTS
State = Digest.State
RELAY = DATA / "refused_by_a_relay.jsonl"
REPLIES = [json.loads(line)["reply"] for line in RELAY.read_text().splitlines()]


def digests(count: int, domain: str = "", **fields: Any) -> list[Digest]:
    """So many queued digests, at a domain each or all at one."""
    paper = a_paper()
    items = [{"paper": paper.canonical_id, "reason": "new", "slot": "trending", "score": 0.5}]
    start = Subscriber.objects.count()
    return [
        a_digest(
            items=items,
            to=a_subscriber(
                email=f"reader{start + number}@{domain or f'place{start + number}.org'}",
                next_digest_at=now() + timedelta(days=1),
            ),
            expires_at=now() + timedelta(hours=12),
            **fields,
        )
        for number in range(count)
    ]


def paused_because() -> str:
    found = Stream.objects.filter(name="digests", paused_at__isnull=False).first()
    return found.paused_reason if found else ""


@pytest.mark.parametrize("reply", REPLIES)
def test_a_relay_that_refuses_everybody_is_tried_ten_times_and_nobody_is_suppressed(
    server: smtpd.Server, reply: str
) -> None:
    digests(60)
    asked: list[str] = []

    def refuse(phase: smtpd.Phase, who: str) -> str:
        if phase == "rcpt":
            asked.append(who)
            return reply
        return ""

    server.trouble = refuse
    assert sender.deliver(STREAM) == {"queued": 60}
    bounces.process()
    assert len(asked) == 10
    assert "10 of 10 mails were refused" in paused_because()
    assert not Suppression.objects.exists()
    assert set(Subscriber.objects.values_list("status", flat=True)) == {"active"}


def test_all_workers_together_try_a_stream_that_starts_with_ten_messages(
    server: smtpd.Server, settings: Settings
) -> None:
    settings.MAIL_CONNECTIONS = 4
    digests(60)
    asked: list[str] = []

    def refuse(phase: smtpd.Phase, who: str) -> str:
        if phase == "dot":
            asked.append(who)
            return "550 relay not permitted"
        return ""

    server.trouble = refuse

    def work() -> None:
        sender.deliver(STREAM)
        connections.close_all()

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) == 10
    assert paused_because()
    assert Digest.objects.filter(state=State.QUEUED).count() == 60


def test_a_stream_that_starts_waits_for_the_answer_to_ten_messages_of_other_workers(
    server: smtpd.Server,
) -> None:
    digests(10, state=State.SENDING, lease="another", lease_until=now() + timedelta(seconds=20))
    [mine] = digests(1)

    asked: list[int] = []

    def until() -> bool:
        asked.append(1)
        return len(asked) > 20

    sender.deliver(STREAM, until=until)
    mine.refresh_from_db()
    assert (mine.state, server.taken) == (State.QUEUED, [])
    Digest.objects.filter(lease="another").update(state=State.SENT)
    assert sender.deliver(STREAM) == {"sent": 1}


def test_a_stream_paused_for_refusals_is_tried_again_after_an_hour_by_itself(
    server: smtpd.Server,
) -> None:
    digests(20)
    server.trouble = lambda phase, _who: "550 relay not permitted" if phase == "rcpt" else ""
    sender.deliver(STREAM)
    assert streams.resume_due() == []
    Stream.objects.update(resume_at=now() - timedelta(seconds=1))
    Digest.objects.update(next_attempt_at=now())
    server.trouble = smtpd.calm
    counts = digest_round()
    assert counts == {"sent": 20}
    assert paused_because() == ""


def test_a_pause_that_ends_years_ahead_was_written_by_a_wrong_clock(server: smtpd.Server) -> None:
    streams.pause("digests", "Refused.", resume_after=timedelta(days=700))
    assert streams.resume_due() == ["digests"]


def test_a_pause_by_the_operator_does_not_end_by_itself() -> None:
    streams.pause("digests", "The operator wants a closer look.")
    assert streams.resume_due() == []


def test_a_tenth_of_the_readers_refused_by_policy_stops_nothing_and_keeps_their_digests(
    server: smtpd.Server,
) -> None:
    digests(90)
    refused = {digest.subscriber.email for digest in Digest.objects.order_by("pk")[5::10]}
    server.trouble = lambda phase, who: (
        "550 5.7.1 refused by policy" if phase == "rcpt" and who in refused else ""
    )
    assert sender.deliver(STREAM) == {"sent": 81, "queued": 9}
    assert paused_because() == ""


def test_a_reader_who_was_refused_alone_before_does_not_count_again(server: smtpd.Server) -> None:
    """Twelve readers of one company that refuses the digest, among eighteen that take it."""
    people = [digest.subscriber for digest in digests(30)]
    refused = {person.email for person in people[18:]}
    server.trouble = lambda phase, who: (
        "550 5.7.1 refused by policy" if phase == "rcpt" and who in refused else ""
    )
    sender.deliver(STREAM)
    assert "mails were refused" in paused_because()
    assert DeliveryEvent.objects.filter(reject_reason="blocked").count() >= 9
    streams.resume("digests")
    Digest.objects.exclude(state=State.SENT).update(state=State.FAILED)

    paper = a_paper()
    items = [{"paper": paper.canonical_id, "reason": "new", "slot": "trending", "score": 0.5}]
    for person in people:
        a_digest(subscriber=person, items=items, due_on=now().date() + timedelta(days=1))
    counts = sender.deliver(STREAM)
    assert (counts["sent"], counts["queued"]) == (18, 12)
    assert paused_because() == ""


def test_a_domain_with_few_of_the_readers_cannot_stop_the_mail_of_all(
    server: smtpd.Server,
) -> None:
    for number in range(100):
        a_subscriber(email=f"ada{number}@elsewhere.org", next_digest_at=None)
    digests(5)
    digests(15, domain="hostile.example")
    server.trouble = lambda phase, who: (
        "550 5.7.1 refused by policy" if phase == "rcpt" and "hostile" in who else ""
    )
    assert sender.deliver(STREAM) == {"sent": 5, "queued": 15}
    assert paused_because() == ""


def test_a_server_that_refuses_by_policy_is_asked_a_handful_of_times_in_twelve_hours(
    server: smtpd.Server,
) -> None:
    [mine] = digests(1)
    address, paper = mine.subscriber.email, a_paper()
    asked = 0

    def refuse(phase: smtpd.Phase, who: str) -> str:
        nonlocal asked
        refused = phase == "rcpt" and who == address
        asked += refused
        return "550 5.7.1 refused by policy" if refused else ""

    server.trouble = refuse
    random.seed(1)
    waits = []
    while mine.state == State.QUEUED:
        with time_machine.travel(max(mine.next_attempt_at, now())):
            a_digest(items=[{"paper": paper.canonical_id, "reason": "new"}])
            sender.deliver(STREAM)
            mine.refresh_from_db()
            waits.append(mine.next_attempt_at - now())
    assert mine.state == State.FAILED
    assert 5 <= asked <= 10
    assert max(waits) > timedelta(hours=1)
    assert Suppression.objects.count() == 0


def test_a_used_up_quota_holds_the_stream_for_an_hour_and_keeps_the_digest(
    server: smtpd.Server,
) -> None:
    digests(5)
    server.trouble = lambda phase, _who: (
        "550 5.4.5 Daily user sending quota exceeded." if phase == "rcpt" else ""
    )
    assert sender.deliver(STREAM) == {"queued": 5}
    assert streams.is_stopped("digests", patient=True)
    assert not streams.is_stopped("digests", patient=False)
    assert set(Digest.objects.values_list("state", flat=True)) == {State.QUEUED}
