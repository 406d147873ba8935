"""A time that lies further ahead than its rule allows was written by a wrong clock."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now
from pytest_django import Settings

from newsletter.delivery import outbox, rendering, sender
from newsletter.models import Digest
from tests.factories import a_digest
from tests.sink import Sink

pytestmark = pytest.mark.django_db(transaction=True)
STREAM = rendering.DIGESTS
State = Digest.State
YEARS = timedelta(days=700)


@pytest.mark.parametrize(
    ("state", "freed"), [(State.CLAIMED, State.QUEUED), (State.SENDING, State.UNCERTAIN)]
)
def test_a_lease_that_ends_in_years_is_over(state: str, freed: str) -> None:
    digest = a_digest(state=state, lease="ahead", lease_until=now() + YEARS)
    assert outbox.release_expired(STREAM) == {freed: 1}
    digest.refresh_from_db()
    assert digest.state == freed


def test_a_lease_of_another_host_that_is_half_a_minute_ahead_is_believed() -> None:
    until = now() + outbox.SENDING_LEASE + timedelta(seconds=30)
    a_digest(state=State.SENDING, lease="alive", lease_until=until)
    assert outbox.release_expired(STREAM) == {}


def test_a_row_that_waits_for_years_is_sent_now(sink: Sink) -> None:
    a_digest(next_attempt_at=now() + YEARS)
    assert sender.deliver(STREAM) == {}
    outbox.release_expired(STREAM)
    assert sender.deliver(STREAM) == {"sent": 1}


def test_a_row_that_waits_for_an_hour_waits_on(sink: Sink) -> None:
    a_digest(next_attempt_at=now() + timedelta(hours=1))
    outbox.release_expired(STREAM)
    assert sender.deliver(STREAM) == {}


def test_a_row_that_was_made_in_years_does_not_stretch_the_window_of_the_others(
    sink: Sink, settings: Settings
) -> None:
    settings.MAIL_WINDOW = 6 / 60
    for _ in range(3):
        a_digest(created_at=now() - timedelta(minutes=2))
    a_digest(created_at=now() + YEARS)
    stopping = now() + timedelta(seconds=20)

    def the_others_are_sent() -> bool:
        return len(sink.messages) >= 3 or now() > stopping

    assert sender.deliver(STREAM, until=the_others_are_sent)["sent"] >= 3
