"""What is done to many people at once is what is done to each of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
import time_machine
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.models import (
    Consent,
    DeliveryEvent,
    Digest,
    Interest,
    Notice,
    Subscriber,
    Suppression,
    UnsubscribeToken,
)
from newsletter.subscriptions import privacy, suppressions
from newsletter.subscriptions import service as subscriptions
from newsletter.subscriptions.consent_log import ActionOrigin

pytestmark = pytest.mark.django_db
NOON: Final = datetime(2025, 3, 3, 12, tzinfo=UTC)  # A Monday.
ORIGIN: Final = ActionOrigin("admin: operator")
UNTIL: Final = NOON + timedelta(days=9)
Status = Subscriber.Status
To = Callable[[list[int]], object]


def lift(ids: list[int]) -> None:
    keys = Subscriber.objects.filter(pk__in=ids).values_list("email_key", flat=True)
    suppressions.lift(suppressions.of_address(*keys), ORIGIN)


ACTIONS: Final[dict[str, To]] = {
    "pause": lambda ids: subscriptions.pause_many(ids, UNTIL, ORIGIN),
    "resume": lambda ids: subscriptions.resume_many(ids, ORIGIN),
    "unsubscribe": lambda ids: subscriptions.unsubscribe_many(ids, ORIGIN),
    "lift": lift,
    "erase": privacy.erase_many,
}

people = st.fixed_dictionaries(
    {
        "status": st.sampled_from(Status.values),
        "confirmed": st.booleans(),
        "paused_until": st.none() | st.just(UNTIL),
        "frequency": st.sampled_from(Subscriber.Frequency.values),
        "hour": st.integers(0, 23),
        "timezone": st.sampled_from(["UTC", "Pacific/Kiritimati", "America/Los_Angeles"]),
        "digests": st.lists(st.sampled_from(Digest.State.values), max_size=3),
        "consents": st.lists(
            st.sampled_from(["sign_up", "confirm", "pause", "resume", "unsubscribe"]), max_size=4
        ),
        "reason": st.sampled_from(["hard_bounce", "complaint", "manual"]),
    }
)


def store(number: int, person: dict[str, Any]) -> int:
    """Store a person with a row in every table that may hold one of theirs; returns the key."""
    email = f"Reader{number}@example.org"
    subscriber = Subscriber.objects.create(
        email=email,
        email_key=email.lower(),
        confirmed_at=NOON if person["confirmed"] else None,
        next_digest_at=NOON if person["status"] == Status.ACTIVE else None,
        **{name: person[name] for name in ("status", "frequency", "hour", "timezone")},
        paused_until=person["paused_until"] if person["status"] == Status.PAUSED else None,
    )
    subscriber.interests.create(kind="text", value="graphs")
    subscriber.tokens.create(token_hash=f"{number}")
    for day, state in enumerate(person["digests"]):
        due_at = NOON - timedelta(days=day)
        digest = Digest.objects.create(
            subscriber=subscriber, due_on=due_at.date(), due_at=due_at, state=state, lease="held"
        )
        event = {"provider": "ses", "type": "sent", "occurred_at": NOON, "digest": digest}
        DeliveryEvent.objects.create(event_key=f"{number} {day}", **event)
    for action in person["consents"]:
        choices = {"until": UNTIL.isoformat()} if action == "pause" else {}
        line = subscriber.consents.create(action=action, choices=choices)
        subscriber.notices.create(kind="confirm", consent=line)
    DeliveryEvent.objects.create(
        provider="ses",
        event_key=f"{number}",
        type="bounced",
        email_key=email.lower(),
        occurred_at=NOON,
    )
    if person["status"] == Status.SUPPRESSED:
        suppressions.suppress(email, person["reason"], "550 5.1.1")
    LogEntry.objects.create(
        user=User.objects.get(),
        content_type=ContentType.objects.get_for_model(Subscriber),
        object_id=str(subscriber.pk),
        object_repr=email,
        action_flag=CHANGE,
        change_message="paused",
    )
    return subscriber.pk


def everything() -> list[Any]:
    """Return all that is stored, without what differs between any two runs."""
    owned = "subscriber__email_key"
    kept = {
        Subscriber: ("email_key", "status", "paused_until", "next_digest_at", "confirmed_at"),
        Digest: (owned, "due_on", "state", "reason", "lease"),
        Notice: (owned, "kind", "state", "reason"),
        Interest: (owned, "value"),
        UnsubscribeToken: (owned, "token_hash"),
        Suppression: ("address_hash", "email_key", "reason", "detail"),
        DeliveryEvent: ("event_key", "email_key"),
        LogEntry: ("object_repr", "change_message"),
    }
    rows: list[Any] = [
        sorted(model._default_manager.values_list(*names), key=repr)
        for model, names in kept.items()
    ]
    log = Consent.objects.order_by(owned, "pk")
    return [*rows, list(log.values_list(owned, "action", "form", "choices", "text_hash", "at"))]


def after(listed: list[dict[str, Any]], act: To, *, each: bool) -> list[Any]:
    """Return what is stored after an action on these people; nothing of it stays."""
    with transaction.atomic():
        ids = [store(number, person) for number, person in enumerate(listed)]
        for some in [[pk] for pk in ids] if each else [ids]:
            act(some)
        found = everything()
        transaction.set_rollback(True)
    return found


@pytest.mark.parametrize("action", ACTIONS)
@given(listed=st.lists(people, max_size=5))
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_people_are_afterwards_what_they_would_be_one_by_one(
    action: str, listed: list[dict[str, Any]]
) -> None:
    User.objects.get_or_create(username="operator")
    with time_machine.travel(NOON, tick=False):
        together = after(listed, ACTIONS[action], each=False)
        assert together == after(listed, ACTIONS[action], each=True)


@pytest.mark.parametrize("action", ACTIONS)
def test_many_people_take_no_more_queries_than_a_few(action: str) -> None:
    User.objects.create(username="operator")
    status = {"resume": Status.PAUSED, "lift": Status.SUPPRESSED}.get(action, Status.ACTIVE)
    person = {
        "status": status,
        "confirmed": True,
        "paused_until": None,
        "frequency": "daily",
        "hour": 8,
        "timezone": "UTC",
        "digests": ["queued", "sent"],
        "consents": ["confirm"],
        "reason": "complaint",
    }

    def queries(first: int, count: int) -> int:
        ids = [store(number, person) for number in range(first, first + count)]
        with CaptureQueriesContext(connection) as captured:
            ACTIONS[action](ids)
        left = Subscriber.objects.filter(pk__in=ids, status=status)
        assert not left.exists()
        return len(captured)

    few = queries(0, 3)
    assert queries(3, 60) <= few + 2
    assert few <= 22
