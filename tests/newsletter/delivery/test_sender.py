"""Delivery over a real SMTP server: what becomes of a row in every case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from anymail.message import AnymailMessage
from django.db.models import Q
from django.utils.timezone import now
from pytest_django import Settings

from newsletter.delivery import outbox, rounds, sender, streams
from newsletter.delivery.outbox import MailStream
from newsletter.models import Digest, Subscriber
from tests.factories import a_digest, a_subscriber
from tests.sink import Sink, free_port

pytestmark = pytest.mark.django_db(transaction=True)
State = Digest.State


def plain(rows: list[Any]) -> Iterator[tuple[Any, AnymailMessage | Exception]]:
    for row in rows:
        message = AnymailMessage("Today", "Papers.", "post@example.org", [row.subscriber.email])
        message.extra_headers["Message-ID"] = f"<{row.public_id}@example.org>"
        yield row, message


STREAM = MailStream(
    model=Digest,
    name="digests",
    renderer=lambda: plain,
    recipients=Q(status=Subscriber.Status.ACTIVE),
    repeatable=False,
)


def test_a_queued_digest_is_sent_once_and_says_so(sink: Sink) -> None:
    digest = a_digest()
    assert sender.deliver(STREAM) == {"sent": 1}
    assert sender.deliver(STREAM) == {}
    digest.refresh_from_db()
    assert (digest.state, digest.attempts) == (State.SENT, 1)
    assert digest.sent_at is not None
    assert sink.recipients == [digest.subscriber.email]
    assert sink.messages[0]["Message-ID"] == digest.message_id


def test_one_connection_carries_a_whole_run(sink: Sink, settings: Settings) -> None:
    settings.MAIL_CONNECTIONS = 1
    for _ in range(5):
        a_digest()
    sessions: set[int] = set()
    original = sink.handle_DATA

    async def watched(server: Any, session: Any, envelope: Any) -> str:
        sessions.add(id(session))
        return await original(server, session, envelope)

    sink.handle_DATA = watched  # type: ignore[method-assign]
    assert sender.deliver(STREAM) == {"sent": 5}
    assert len(sessions) == 1


def test_two_claimers_never_share_a_row() -> None:
    for _ in range(6):
        a_digest()
    first = outbox.claim(STREAM, STREAM.rows, limit=4).rows
    second = outbox.claim(STREAM, STREAM.rows, limit=4).rows
    assert len(first) == 4
    assert len(second) == 2
    assert not {row.pk for row in first} & {row.pk for row in second}


def test_a_recipient_refused_for_good_is_failed_with_the_server_s_words(sink: Sink) -> None:
    digest = a_digest()
    sink.at_recipient = "550 5.1.1 no such user"
    assert sender.deliver(STREAM) == {"failed": 1}
    digest.refresh_from_db()
    assert "no such user" in digest.reason


def test_a_recipient_refused_for_now_is_tried_later(sink: Sink) -> None:
    digest = a_digest()
    sink.at_recipient = "451 4.7.1 greylisted"
    assert sender.deliver(STREAM) == {"queued": 1}
    digest.refresh_from_db()
    assert digest.next_attempt_at > now()
    assert digest.attempts == 1
    sink.at_recipient = ""
    Digest.objects.update(next_attempt_at=now())
    assert sender.deliver(STREAM) == {"sent": 1}


def test_the_last_attempt_ends_in_failed(sink: Sink) -> None:
    digest = a_digest(attempts=rounds.MAX_ATTEMPTS - 1)
    sink.at_recipient = "451 4.7.1 greylisted"
    assert sender.deliver(STREAM) == {"failed": 1}
    digest.refresh_from_db()
    assert digest.reason.startswith("Given up after 8 attempts")


def test_a_connection_cut_after_the_final_dot_leaves_the_digest_uncertain(sink: Sink) -> None:
    digest = a_digest()
    sink.cut = True
    assert sender.deliver(STREAM) == {"uncertain": 1}
    sink.cut = False
    assert sender.deliver(STREAM) == {}
    digest.refresh_from_db()
    assert digest.state == State.UNCERTAIN
    assert len(sink.accepted) == 1


def test_one_bad_address_does_not_stop_the_others(sink: Sink) -> None:
    good, bad, other = a_digest(), a_digest(), a_digest()
    bad.subscriber.email = "reader@example.org\nBcc: other@example.org"
    bad.subscriber.save()
    sender.deliver(STREAM)
    for digest in (good, bad, other):
        digest.refresh_from_db()
    assert [good.state, bad.state, other.state] == [State.SENT, State.FAILED, State.SENT]


def test_an_unreachable_server_keeps_everything_queued_and_says_why(
    settings: Settings, sink: Sink
) -> None:
    digests = [a_digest(), a_digest()]
    settings.EMAIL_PORT = free_port()
    assert sender.deliver(STREAM) == {"queued": 2}
    digests[0].refresh_from_db()
    assert "cannot be reached" in digests[0].reason
    assert digests[0].attempts == 0
    settings.EMAIL_PORT = sink.port
    assert sender.deliver(STREAM) == {}
    assert sender.deliver(STREAM, patient=False) == {"sent": 2}


def test_somebody_who_left_between_claim_and_sending_gets_nothing(sink: Sink) -> None:
    person = a_subscriber(status=Subscriber.Status.UNSUBSCRIBED)
    digest = a_digest(subscriber=person)
    assert sender.deliver(STREAM) == {"cancelled": 1}
    digest.refresh_from_db()
    assert digest.state == State.CANCELLED
    assert sink.accepted == []


def test_a_pause_during_the_run_stops_it_before_the_next_message(sink: Sink) -> None:
    for _ in range(3):
        a_digest()

    def interrupted(rows: list[Any]) -> Iterator[tuple[Any, AnymailMessage | Exception]]:
        for place, pair in enumerate(plain(rows)):
            if place == 1:
                streams.pause("digests", "The operator wants a closer look.")
            yield pair

    sender.deliver(replace(STREAM, renderer=lambda: interrupted))
    assert len(sink.accepted) == 1
    assert Digest.objects.filter(state=State.QUEUED).count() == 2
    streams.resume("digests")
    assert sender.deliver(STREAM) == {"sent": 2}


def test_a_digest_past_its_expiry_is_failed_and_not_sent(sink: Sink) -> None:
    a_digest(expires_at=now() - timedelta(minutes=1))
    assert sender.deliver(STREAM) == {"failed": 1}
    assert sink.accepted == []


def test_a_dead_sender_s_claims_go_back_and_its_open_message_is_uncertain() -> None:
    past = now() - timedelta(seconds=1)
    claimed = a_digest(state=State.CLAIMED, lease="dead", lease_until=past)
    sending = a_digest(state=State.SENDING, lease="dead", lease_until=past)
    alive = a_digest(state=State.SENDING, lease="alive", lease_until=now() + timedelta(minutes=1))
    assert outbox.release_expired(STREAM) == {"queued": 1, "uncertain": 1}
    for digest in (claimed, sending, alive):
        digest.refresh_from_db()
    assert [claimed.state, sending.state, alive.state] == [
        State.QUEUED,
        State.UNCERTAIN,
        State.SENDING,
    ]


def test_the_operator_can_resend_what_failed_or_is_uncertain_and_nothing_else() -> None:
    failed = a_digest(state=State.FAILED)
    uncertain = a_digest(state=State.UNCERTAIN)
    sent = a_digest(state=State.SENT)
    assert outbox.resend(STREAM, [failed.pk, uncertain.pk, sent.pk]) == 2
    sent.refresh_from_db()
    assert sent.state == State.SENT


def test_a_provider_event_settles_an_uncertain_digest() -> None:
    digest = a_digest(state=State.UNCERTAIN)
    assert outbox.confirm_sent(digest.pk, "provider-1")
    assert not outbox.confirm_sent(digest.pk, "provider-1")
    digest.refresh_from_db()
    assert (digest.state, digest.provider_id) == (State.SENT, "provider-1")


def test_the_balance_counts_every_digest_in_exactly_one_state() -> None:
    a_digest(state=State.SENT)
    a_digest(state=State.FAILED)
    a_digest()
    balance = outbox.balance(Digest.objects.all())
    assert (balance["sent"], balance["failed"], balance["queued"]) == (1, 1, 1)
    assert sum(balance.values()) == 3
