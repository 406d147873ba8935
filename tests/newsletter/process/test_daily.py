"""The table of days: what each day came to, for plots and counters."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from newsletter import tasks
from newsletter.models import Consent, DailyCount, DeliveryEvent, Digest, Interest
from newsletter.process import daily
from tests.factories import a_digest, a_subscriber

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
TODAY = NOON.date()
YESTERDAY = TODAY - timedelta(days=1)


def fill() -> None:
    reader = a_subscriber()
    for days, action in ((0, "confirm"), (1, "confirm"), (1, "unsubscribe"), (9, "confirm")):
        Consent.objects.create(subscriber=reader, action=action, at=NOON - timedelta(days=days))
    for state in (Digest.State.SENT, Digest.State.SENT, Digest.State.FAILED):
        a_digest(state=state, due_at=NOON - timedelta(hours=2), due_on=TODAY)
    for number, word in enumerate(("delivered", "bounced", "complained", "opened")):
        DeliveryEvent.objects.create(
            provider="x", event_key=str(number), type=word, occurred_at=NOON, received_at=NOON
        )
    Interest.objects.create(subscriber=reader, kind="like", value="2503.01234", created_at=NOON)


def value(day: date, name: str) -> int:
    return DailyCount.objects.get(day=day, name=name).value


def test_each_day_is_counted_and_counting_again_changes_nothing() -> None:
    with time_machine.travel(NOON, tick=False):
        fill()
        tasks.count_days.apply()
        before = list(DailyCount.objects.values_list("day", "name", "value"))
        tasks.count_days.apply()
    assert list(DailyCount.objects.values_list("day", "name", "value")) == before
    expected = {"confirmed": 1, "left": 0, "sent": 2, "failed": 1, "liked": 1}
    expected |= {"delivered": 1, "bounced": 1, "complained": 1}
    assert {name: value(TODAY, name) for name in expected} == expected
    assert (value(YESTERDAY, "confirmed"), value(YESTERDAY, "left")) == (1, 1)
    assert DailyCount.objects.filter(day__lt=YESTERDAY - timedelta(days=1)).count() == 0


def test_the_first_page_plots_the_days_in_one_query(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with time_machine.travel(NOON, tick=False):
        fill()
        daily.count_days(NOON)
        with django_assert_num_queries(1):
            days, values = daily.series(30)
        assert (days[-1], values["sent"][-1], values["left"][-2]) == (TODAY, 2, 1)
        client.force_login(User.objects.create_superuser("operator"))
        html = client.get("/admin/").content.decode()
    assert "Digests sent on each day since 28 Oct: 2 in all" in html
    assert "<title>26 Nov: 2</title>" in html
    assert "<script" not in html[html.index('class="plot"') : html.index("</figure>")]


def test_metrics_count_what_happened_and_how_long_requests_took(client: Client) -> None:
    with time_machine.travel(NOON, tick=False):
        fill()
        daily.count_days(NOON)
    client.get("/healthz")
    text = client.get("/metrics").content.decode()
    assert 'paperboy_happened_total{what="sent"} 2.0' in text
    assert 'paperboy_request_seconds_count{address="healthz",status="200"}' in text
