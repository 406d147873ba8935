"""Old reports of providers go; what an address is judged by stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now
from pytest_django import Settings

from newsletter import tasks
from newsletter.delivery import bounces
from newsletter.models import DeliveryEvent, Digest, Subscriber, Suppression
from tests.factories import a_digest, a_subscriber

pytestmark = pytest.mark.django_db


def told(person: Subscriber, days: int, type_: str = "delivered", **fields: object) -> int:
    """An event of so many days ago."""
    moment = now() - timedelta(days=days)
    values: dict[str, object] = {
        "provider": "x",
        "event_key": str(DeliveryEvent.objects.count()),
        "type": type_,
        "email_key": person.email_key,
        "occurred_at": moment,
        "received_at": moment,
        "processed_at": moment,
    }
    return DeliveryEvent.objects.create(**values | fields).pk


def kept() -> set[int]:
    return set(DeliveryEvent.objects.values_list("pk", flat=True))


def test_reports_are_forgotten_after_half_a_year(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounces, "DELETIONS_PER_TRANSACTION", 2)
    person = a_subscriber()
    for _ in range(5):
        told(person, 181)
    recent = told(person, 179)
    tasks.clean_up()
    assert kept() == {recent}


def test_a_report_that_nobody_acted_on_yet_is_not_forgotten() -> None:
    waiting = told(a_subscriber(), 400, processed_at=None)
    assert bounces.delete_old_events(now()) == 0
    assert kept() == {waiting}


def test_an_operator_may_keep_them_for_good(settings: Settings) -> None:
    settings.EVENT_DAYS = 0
    told(a_subscriber(), 4000)
    assert bounces.delete_old_events(now()) == 0


def test_a_delivery_reported_late_lifts_no_suppression_whose_reasons_are_old() -> None:
    person = a_subscriber()
    digest = a_digest(subscriber=person, state=Digest.State.SENT)
    for day in range(400, 394, -1):
        told(
            person, day, "bounced", processed_at=None, digest=digest, email_key="ada@elsewhere.org"
        )
    bounces.process()
    assert bounces.delete_old_events(now()) == 0
    told(person, 393, processed_at=None)
    bounces.process()
    assert Suppression.objects.get().reason == Suppression.Reason.SOFT_BOUNCES


def test_soft_bounces_that_still_count_are_kept() -> None:
    person = a_subscriber()
    told(person, 200, "bounced", processed_at=None)
    bounces.process()
    assert bounces.delete_old_events(now()) == 0
