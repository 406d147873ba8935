"""The same events in every order, each three times: the end is always the same."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from newsletter.delivery import bounces
from newsletter.models import DeliveryEvent, Digest, Stream, Suppression
from newsletter.subscriptions import service as subscriptions
from newsletter.subscriptions.consent_log import ActionOrigin
from tests.factories import a_digest, a_subscriber
from tests.newsletter.web.test_webhooks import SECRET, at, bounce, complaint, delivery, post

pytestmark = pytest.mark.django_db

Event = dict[str, Any]
STARTS = 8
Story = Callable[[Digest], list[Event]]


@pytest.fixture(autouse=True)
def webhook_secret(settings: Settings) -> None:
    settings.ANYMAIL = {"WEBHOOK_SECRET": SECRET}
    settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"


def soft(digest: Digest, *days: int) -> list[Event]:
    return [bounce(digest, "SoftBounce", day, BouncedAt=at(day)) for day in days]


def open_(digest: Digest) -> Event:
    return {
        "RecordType": "Open",
        "MessageID": "message-1",
        "Recipient": digest.subscriber.email,
        "ReceivedAt": at(12),
        "Metadata": {"digest": str(digest.public_id)},
    }


def unsubscription(digest: Digest) -> Event:
    return {
        "RecordType": "SubscriptionChange",
        "MessageID": "message-1",
        "Recipient": digest.subscriber.email,
        "ChangedAt": at(13),
        "Origin": "Recipient",
        "SuppressSending": True,
        "SuppressionReason": "ManualSuppression",
        "Metadata": {"digest": str(digest.public_id)},
    }


# Each story and how it ends: the digest, the person, the score and the suppression.
STORIES: list[tuple[str, Story, tuple[str, str, float, str]]] = [
    (
        "delivered, opened, complained",
        lambda digest: [delivery(digest), open_(digest), complaint(digest)],
        ("sent", "suppressed", 0.0, "complaint"),
    ),
    (
        "a hard bounce and a complaint",
        lambda digest: [delivery(digest), bounce(digest, "HardBounce"), complaint(digest)],
        ("sent", "suppressed", 0.0, "complaint"),
    ),
    (
        "soft bounces around a delivery",
        lambda digest: [*soft(digest, 1, 2, 9), delivery(digest, DeliveredAt=at(5))],
        ("sent", "active", 0.5, ""),
    ),
    (
        "unsubscribed at the provider",
        lambda digest: [delivery(digest), unsubscription(digest), *soft(digest, 1)],
        ("sent", "unsubscribed", 0.0, ""),
    ),
    (
        "unsubscribed and complained",
        lambda digest: [unsubscription(digest), complaint(digest), bounce(digest, "HardBounce")],
        ("sent", "suppressed", 0.0, "complaint"),
    ),
    (
        "soft bounces and a hard one",
        lambda digest: [*soft(digest, 1, 2), bounce(digest, "HardBounce", 7, BouncedAt=at(3))],
        ("sent", "suppressed", 1.0, "hard_bounce"),
    ),
]


def end_of(digest: Digest) -> tuple[str, str, float, str]:
    digest.refresh_from_db()
    person = digest.subscriber
    person.refresh_from_db()
    reasons = Suppression.objects.filter(email_key=person.email_key)
    return (
        digest.state,
        person.status,
        person.soft_bounce_score,
        reasons.values_list("reason", flat=True).first() or "",
    )


def play(events: list[Event], orders: list[tuple[int, ...]], *, at_once: bool = False) -> None:
    """Post the events in each of the orders, and act on every one as it comes or on all late."""
    for order in orders:
        for place in order:
            assert post(events[place]) == 200
            if not at_once:
                bounces.process()
    while bounces.process():
        pass


@pytest.mark.parametrize(
    ("story", "end"), [row[1:] for row in STORIES], ids=[s[0] for s in STORIES]
)
def test_three_times_in_any_order_is_once(story: Story, end: tuple[str, str, float, str]) -> None:
    count = len(story(a_digest()))
    orders = list(itertools.permutations(range(count)))
    for number, first in enumerate(orders[:: max(1, len(orders) // STARTS)]):
        digest = a_digest(state=Digest.State.UNCERTAIN)
        # Three different orders one after another.
        three = [first, orders[number * 7 % len(orders)], first[::-1]]
        play(story(digest), three, at_once=number % 3 == 2)
        assert end_of(digest) == end, f"order {three}"
    assert not DeliveryEvent.objects.filter(processed_at__isnull=True).exists()


@pytest.mark.parametrize("late", range(7))
def test_a_delivery_reported_late_lifts_a_suppression_that_it_disproves(late: int) -> None:
    digest = a_digest(state=Digest.State.UNCERTAIN)
    events = soft(digest, 1, 2, 3, 5, 6, 7)
    events.insert(late, delivery(digest, DeliveredAt=at(4)))
    play(events, [tuple(range(7))] * 3)
    assert end_of(digest) == ("sent", "active", 1.5, "")
    digest.subscriber.refresh_from_db()
    assert digest.subscriber.next_digest_at is not None


@pytest.mark.parametrize("late", range(7))
def test_a_delivery_after_the_limit_lifts_nothing_whenever_it_is_reported(late: int) -> None:
    digest = a_digest(state=Digest.State.UNCERTAIN)
    events = soft(digest, 1, 2, 3, 4, 5, 6)
    events.insert(late, delivery(digest, DeliveredAt=at(7)))
    play(events, [tuple(range(7))] * 3)
    assert end_of(digest) == ("sent", "suppressed", 0.0, "soft_bounces")


@pytest.mark.parametrize("leave", ["pause", "unsubscribe"])
def test_what_the_reader_had_wanted_is_kept_when_a_suppression_is_lifted(leave: str) -> None:
    person = a_subscriber()
    digest = a_digest(subscriber=person, state=Digest.State.SENT)
    if leave == "pause":
        subscriptions.pause(person, None, ActionOrigin("test"))
    else:
        subscriptions.unsubscribe(person, ActionOrigin("test"))
    wanted = person.status
    events = [*soft(digest, 1, 2, 3, 5, 6, 7), delivery(digest, DeliveredAt=at(4))]
    play(events, [tuple(range(7))])
    person.refresh_from_db()
    assert (person.status, person.next_digest_at) == (wanted, None)


def test_a_policy_refusal_stops_the_stream_once_however_often_it_is_reported() -> None:
    digest = a_digest(state=Digest.State.SENT)
    event = bounce(digest, "HardBounce", Details="550 5.7.1 refused by policy")
    play([event], [(0,)] * 3)
    Stream.objects.update(paused_at=None)  # The operator has looked at it.
    play([event], [(0,)] * 3)
    assert not Stream.objects.filter(paused_at__isnull=False).exists()
