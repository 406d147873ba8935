"""An HTTP provider that is overloaded, broken, cut off or incomprehensible."""

from __future__ import annotations

from collections import Counter

import pytest
from django.utils.timezone import now

from newsletter.delivery import outbox, rendering, sender, streams
from newsletter.models import Digest, Stream
from tests.factories import a_digest
from tests.faults.provider import Provider

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 10
State = Digest.State


def doubles(provider: Provider) -> list[str]:
    counts = Counter(recipient for _, recipient in provider.taken)
    return [recipient for recipient, count in counts.items() if count > 1]


@pytest.mark.parametrize(
    ("behaviour", "state"),
    [
        ("400", State.FAILED),
        ("500", State.UNCERTAIN),
        ("503", State.UNCERTAIN),
        ("reset", State.UNCERTAIN),
        ("lose", State.UNCERTAIN),
        ("halve", State.UNCERTAIN),
        ("502", State.UNCERTAIN),
        ("garbage", State.UNCERTAIN),
    ],
)
def test_one_bad_answer_is_sorted_and_the_others_are_sent(
    provider: Provider, behaviour: str, state: str
) -> None:
    digests = [a_digest() for _ in range(PEOPLE)]
    unlucky = digests[4]
    provider.behaviour = lambda who: behaviour if who == unlucky.subscriber.email else ""
    sender.deliver(rendering.DIGESTS)
    unlucky.refresh_from_db()
    assert (unlucky.state, bool(unlucky.reason)) == (state, True)
    assert Digest.objects.filter(state=State.SENT).exclude(provider_id="").count() == PEOPLE - 1

    provider.behaviour = lambda _who: ""
    Digest.objects.filter(state=State.QUEUED).update(next_attempt_at=now())
    sender.deliver(rendering.DIGESTS)
    unlucky.refresh_from_db()
    assert unlucky.state == (State.SENT if state == State.QUEUED else state)
    assert doubles(provider) == []
    tries = 2 if state == State.QUEUED else 1
    assert provider.asked.count(unlucky.subscriber.email) == tries


def test_a_request_that_was_cut_before_it_was_read_is_not_repeated_by_itself(
    provider: Provider,
) -> None:
    for _ in range(PEOPLE):
        a_digest()
    provider.refusals = 1
    sender.deliver(rendering.DIGESTS)
    assert outbox.balance(rendering.DIGESTS.rows)[State.UNCERTAIN] == 1
    assert len(provider.taken) == PEOPLE - 1
    assert provider.refused + len(provider.asked) == PEOPLE


def test_a_429_makes_everybody_wait_as_long_as_it_says(provider: Provider) -> None:
    for _ in range(PEOPLE):
        a_digest()
    provider.behaviour = lambda _who: "429"
    counts = sender.deliver(rendering.DIGESTS)
    assert counts == {"queued": PEOPLE}
    held = Stream.objects.get(name="digests").hold_until
    assert held is not None
    assert 5 < (held - now()).total_seconds() <= 7
    provider.behaviour = lambda _who: ""
    assert sender.deliver(rendering.DIGESTS) == {}
    assert provider.taken == []


@pytest.mark.parametrize("status", ["401", "403"])
def test_refused_credentials_stop_the_stream_and_lose_nothing(
    provider: Provider, status: str
) -> None:
    for _ in range(PEOPLE):
        a_digest()
    provider.behaviour = lambda _who: status
    assert sender.deliver(rendering.DIGESTS) == {"queued": PEOPLE}
    assert Stream.objects.get(name="digests").paused_at is not None
    streams.resume("digests")
    provider.behaviour = lambda _who: ""
    Digest.objects.update(next_attempt_at=now())
    assert sender.deliver(rendering.DIGESTS) == {"sent": PEOPLE}
    assert doubles(provider) == []
