"""The rows of outbound mail move along the legal moves only, and only for who holds the lease."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from anymail.message import AnymailMessage
from django.utils.timezone import now

from newsletter.delivery import outbox, rendering, rounds
from newsletter.delivery.outbox import State
from newsletter.models import Digest, Notice, Outbound
from tests.factories import a_digest, a_subscriber

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("origin", "to"), list(itertools.permutations(State.values, 2)))
def test_a_row_moves_only_where_it_may(origin: str, to: str) -> None:
    digest = a_digest(state=origin, lease="mine")
    reached = outbox.move(rendering.DIGESTS, digest, to)
    digest.refresh_from_db()
    assert digest.state == reached == (to if to in Outbound.MOVES[origin] else origin)


@pytest.mark.parametrize("to", State.values)
def test_nobody_moves_a_row_that_another_holds(to: str) -> None:
    digest = a_digest(state=State.SENDING, lease="theirs")
    digest.lease = "mine"
    assert outbox.move(rendering.DIGESTS, digest, to) == State.SENDING
    assert Digest.objects.get().state == State.SENDING


@pytest.mark.parametrize("settled", [State.SENT, State.SKIPPED, State.CANCELLED])
def test_what_is_settled_stays_so(settled: str) -> None:
    digest = a_digest(state=settled, lease_until=now() - timedelta(days=1))
    outbox.release_expired(rendering.DIGESTS)
    outbox.resend(rendering.DIGESTS, [digest.pk])
    digest.refresh_from_db()
    assert digest.state == settled


def test_a_row_that_one_sender_holds_twice_may_leave_once() -> None:
    """Its first lease ran out, it was freed, and the same sender claimed it anew."""
    stored = a_digest(state=State.CLAIMED, lease="second")
    stale = Digest.objects.get(pk=stored.pk)
    stale.lease = "first"
    attempts = [outbox.Attempt(row, AnymailMessage()) for row in (stale, stored)]
    counts, granted, _ = rounds.commit_once(rendering.DIGESTS, [], attempts)
    assert [attempt.row.lease for attempt in granted] == ["second"]
    assert counts == {State.SENDING: 1}
    stored.refresh_from_db()
    assert (stored.state, stored.attempts) == (State.SENDING, 1)


def test_an_intent_whose_commit_was_never_answered_is_granted_again() -> None:
    attempts = [
        outbox.Attempt(a_digest(state=State.CLAIMED, lease="mine"), AnymailMessage())
        for _ in range(3)
    ]
    assert rounds.commit_once(rendering.DIGESTS, [], attempts) == ({}, attempts, [])
    assert rounds.commit_once(rendering.DIGESTS, [], attempts) == ({}, attempts, [])
    assert set(Digest.objects.values_list("state", "attempts")) == {(State.SENDING, 1)}


def test_a_confirmation_that_was_cut_off_is_sent_again_and_a_digest_is_not() -> None:
    past = {"state": State.SENDING, "lease": "dead", "lease_until": now() - timedelta(seconds=1)}
    digest = a_digest(**past)
    notice = Notice.objects.create(kind=Notice.Kind.CONFIRM, subscriber=a_subscriber(), **past)
    for stream in rendering.STREAMS:
        outbox.release_expired(stream)
    digest.refresh_from_db()
    notice.refresh_from_db()
    assert (digest.state, notice.state) == (State.UNCERTAIN, State.QUEUED)


def test_waiting_grows_with_every_attempt_and_is_never_the_same_for_all() -> None:
    for attempts in range(1, rounds.MAX_ATTEMPTS + 1):
        waits = {outbox.retry_delay(attempts) for _ in range(20)}
        ceiling = min(outbox.FIRST_RETRY_DELAY * 2 ** (attempts - 1), outbox.LONGEST_RETRY_DELAY)
        assert len(waits) > 1
        assert all(ceiling / 4 <= wait <= ceiling for wait in waits)
