"""Too many complaints or dead addresses stop the digests before the providers do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now

from newsletter import breakers, delivery, dispatch
from newsletter.models import DeliveryEvent, Digest, Stream, Suppression
from tests.factories import a_digest, a_subscriber

pytestmark = pytest.mark.django_db
SENT = 1000


def history(sent: int, reason: str, count: int) -> None:
    """A day on which so many digests left and so many addresses were suppressed."""
    person, day = a_subscriber(next_digest_at=None), now().date()
    Digest.objects.bulk_create(
        Digest(
            subscriber=person,
            due_on=day - timedelta(days=number),
            due_at=now(),
            state=Digest.State.SENT,
            sent_at=now(),
        )
        for number in range(sent)
    )
    Suppression.objects.bulk_create(
        Suppression(address_hash=f"{number}", reason=reason) for number in range(count)
    )


def is_paused() -> bool:
    return Stream.objects.filter(name="digests", paused_at__isnull=False).exists()


@pytest.mark.parametrize(
    ("reason", "count", "paused", "warned"),
    [
        ("complaint", 0, False, False),
        ("complaint", 1, False, True),
        ("complaint", 3, True, False),
        ("hard_bounce", 19, False, False),
        ("hard_bounce", 20, False, True),
        ("hard_bounce", 50, True, False),
    ],
)
def test_a_share_too_high_stops_the_digests_and_a_lower_one_warns(
    reason: str, count: int, paused: bool, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    history(SENT, reason, count)
    breakers.check(now())
    assert is_paused() is paused
    assert any(record.levelname == "WARNING" for record in caplog.records) is warned


def test_a_few_first_mails_prove_nothing() -> None:
    history(breakers.LEAST_SENT - 1, "hard_bounce", 50)
    breakers.check(now())
    assert not is_paused()


def test_what_the_operator_has_looked_at_does_not_stop_the_stream_again() -> None:
    history(SENT, "complaint", 10)
    breakers.check(now())
    delivery.resume("digests")
    breakers.check(now())
    assert not is_paused()


def test_a_complaint_is_weighed_when_it_comes_in() -> None:
    history(SENT, "complaint", 2)
    digest = a_digest()
    DeliveryEvent.objects.create(
        provider="Postmark",
        event_key="1",
        type="complained",
        digest=digest,
        recipient=digest.subscriber.email,
        occurred_at=now(),
    )
    dispatch.sweep_digests()
    assert is_paused()
    stream = Stream.objects.get(name="digests")
    assert "3 complaints among 1000 digests" in stream.paused_reason
