"""A held stream waits as long as it was asked to, an hour at most, and the admin says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client

from newsletter.delivery import streams
from newsletter.models import Stream

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)


def held_for() -> timedelta:
    until = Stream.objects.get(name="digests").hold_until
    assert until is not None
    return until - NOON


def test_no_hold_lasts_longer_than_an_hour() -> None:
    with time_machine.travel(NOON, tick=False):
        streams.hold("digests", 1772668800.0)
    assert held_for() == timedelta(hours=1)


@pytest.mark.parametrize("seconds", [(600, 15), (15, 600)])
def test_of_two_holds_the_later_end_counts(seconds: tuple[float, float]) -> None:
    with time_machine.travel(NOON, tick=False):
        for wish in seconds:
            streams.hold("digests", wish)
    assert held_for() == timedelta(seconds=600)


def test_a_hold_from_a_clock_that_was_ahead_holds_nothing() -> None:
    Stream.objects.create(name="digests", hold_until=NOON + timedelta(days=1))
    with time_machine.travel(NOON, tick=False):
        assert streams.is_stopped("digests", patient=True) is False
        streams.hold("digests", 15)
    assert held_for() == timedelta(seconds=15)


@pytest.mark.parametrize("url", ["/admin/", "/admin/newsletter/stream/"])
def test_the_admin_says_until_when_a_stream_waits(client: Client, url: str) -> None:
    client.force_login(User.objects.create_superuser("operator"))
    with time_machine.travel(NOON, tick=False) as clock:
        streams.hold("digests", 300)
        assert "waiting until 12:05 UTC" in client.get(url).content.decode()
        clock.shift(301)
        page = client.get(url).content.decode()
    assert "waiting until" not in page
    assert "running" in page
