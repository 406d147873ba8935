"""What was stored while the clock was ahead is not believed once it is right again."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils.timezone import now

from newsletter.models import Consent, Digest, RateLimit, Subscriber
from newsletter.security import throttle, tokens
from newsletter.security.email_addresses import parse
from newsletter.subscriptions import due_dates, schedule
from newsletter.subscriptions import service as subscriptions
from newsletter.subscriptions.consent_log import ActionOrigin
from tests.factories import a_paper, a_subscriber
from tests.rounds import digest_round

pytestmark = pytest.mark.django_db
YEARS = timedelta(days=700)
LIMIT = throttle.Limit("test", 1, timedelta(minutes=10))


@pytest.mark.parametrize("frequency", ["daily", "weekdays", "weekly"])
def test_a_due_time_further_ahead_than_the_rhythm_allows_is_corrected(frequency: str) -> None:
    subscriber = a_subscriber(frequency=frequency, next_digest_at=now() + YEARS)
    assert due_dates.correct_dates(now()) == 1
    subscriber.refresh_from_db()
    assert subscriber.next_digest_at == due_dates.next_due(subscriber, now())


@pytest.mark.parametrize("frequency", ["daily", "weekdays", "weekly"])
@pytest.mark.parametrize("timezone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_every_due_time_that_the_rules_give_is_believed(frequency: str, timezone: str) -> None:
    moment = now()
    for hour in range(0, 24 * 7, 5):
        at = moment + timedelta(hours=hour)
        subscriber = a_subscriber(frequency=frequency, timezone=timezone)
        Digest.objects.create(
            subscriber=subscriber, due_at=at, due_on=schedule.due_day(at, timezone)
        )
        due = due_dates.next_due(subscriber, at)
        Subscriber.objects.filter(pk=subscriber.pk).update(next_digest_at=due)
        assert due_dates.correct_dates(at) == 0
        subscriber.delete()


def test_the_next_round_sends_to_readers_whom_a_wrong_clock_put_off() -> None:
    a_paper()
    subscriber = a_subscriber()
    with time_machine.travel(now() + YEARS):
        digest_round()
    subscriber.refresh_from_db()
    assert subscriber.next_digest_at
    assert subscriber.next_digest_at > now() + YEARS
    digest_round()
    with time_machine.travel(now() + timedelta(days=2)):
        a_paper()
        digest_round()
    due_days = Digest.objects.filter(subscriber=subscriber, due_at__lt=now() + timedelta(days=3))
    assert due_days.count() == 1


def test_a_pause_ends_a_month_from_now_at_the_latest() -> None:
    subscriber = a_subscriber(status="paused", paused_until=now() + YEARS)
    due_dates.correct_dates(moment := now())
    subscriber.refresh_from_db()
    assert subscriber.paused_until == moment + due_dates.LONGEST_PAUSE


def test_a_pause_without_end_stays_one() -> None:
    subscriber = a_subscriber(status="paused", paused_until=None)
    due_dates.correct_dates(now())
    subscriber.refresh_from_db()
    assert subscriber.paused_until is None


def test_a_rate_limit_of_the_future_does_not_hold() -> None:
    assert throttle.allow(LIMIT, "a", now() + YEARS)
    assert throttle.allow(LIMIT, "a", now())
    assert not throttle.allow(LIMIT, "a", now())


def test_rate_limits_of_the_future_are_deleted() -> None:
    throttle.allow(LIMIT, "a", now() + YEARS)
    throttle.forget(now())
    assert not RateLimit.objects.exists()


def test_a_confirmation_link_of_the_future_has_expired() -> None:
    with time_machine.travel(now() + YEARS):
        subscriptions.sign_up(parse("a@example.org"), "a@example.org", {}, ActionOrigin("form"))
    token = tokens.confirm_token(Consent.objects.get())
    with pytest.raises(tokens.ExpiredTokenError):
        tokens.consent_of_confirm_token(token)


def test_a_request_of_the_future_is_forgotten() -> None:
    with time_machine.travel(now() + YEARS):
        subscriptions.sign_up(parse("a@example.org"), "a@example.org", {}, ActionOrigin("form"))
    Subscriber.objects.update(created_at=now() + YEARS)
    assert subscriptions.clean_up(now()) == 1
