"""The rate of a provider: used well and never exceeded, however many senders share it."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
import time_machine
from django.utils.timezone import now
from pytest_django import Settings

from newsletter.delivery import rendering
from newsletter.delivery import sender as delivery
from newsletter.delivery.send_rate import RateLimiter
from newsletter.models import Digest, Notice
from tests.factories import a_digest, a_subscriber
from tests.sink import Sink

pytestmark = pytest.mark.django_db(transaction=True)


def test_without_a_limit_everything_may_leave() -> None:
    assert RateLimiter(0).take(100) == 100


def test_two_senders_share_one_rate() -> None:
    mine, theirs = RateLimiter(5), RateLimiter(5)
    assert mine.take(8) == 1
    assert theirs.take(8) == 0
    wait = theirs.wait()
    assert wait is not None
    assert 0.15 < wait <= 0.21


@pytest.mark.parametrize("rate", [0.5, 5, 50])
def test_a_clock_that_was_ahead_stops_nothing(rate: float) -> None:
    pace = RateLimiter(rate)
    with time_machine.travel(now() + timedelta(days=1)):
        assert pace.take(1) == 1
        pace.take(100)
    for sender in (pace, RateLimiter(rate)):
        sender.take(100)
        wait = sender.wait()
        assert wait is not None
        assert wait <= 2.1 * max(1 / rate, 0.25)


@pytest.mark.parametrize("rate", [0.5, 50])
def test_many_senders_wait_for_each_other_and_not_for_a_clock(rate: float) -> None:
    senders = [RateLimiter(rate) for _ in range(40)]
    with time_machine.travel(now(), tick=False):
        assert sum(sender.take(1) for sender in senders) == 1
    slots = [slot for sender in senders for slot in sender.slots]
    assert len(set(slots)) == len(slots)


def test_a_sender_that_ends_leaves_its_slot_to_the_next() -> None:
    """Each round of the worker lasts for 30 s, and here a slot comes every 50 s."""
    taken = 0
    with time_machine.travel(now(), tick=False) as clock:
        for _ in range(12):
            pace, left = RateLimiter(0.02), 30.0
            while left > 0:
                taken += pace.take(1)
                nap = min(left, pace.wait() or 0.001)
                clock.shift(nap)
                left -= nap
            pace.give_back()
    assert taken == 1 + 12 * 30 // 51


def test_a_slot_behind_which_others_booked_is_not_given_twice() -> None:
    with time_machine.travel(now(), tick=False):
        mine, theirs, later = RateLimiter(1), RateLimiter(1), RateLimiter(1)
        assert [pace.take(1) for pace in (mine, mine, theirs)] == [1, 0, 0]
        mine.give_back()
        assert later.take(1) == 0
        assert later.slots[0] > theirs.slots[0]


def test_messages_that_were_kept_back_after_their_slots_do_not_leave_with_the_next() -> None:
    """Storing the intents of a whole second of slots takes half a second."""
    with time_machine.travel(now(), tick=False) as clock:
        pace = RateLimiter(10)
        taken = 0
        while taken < 10:
            taken += pace.take(1)
            clock.shift(0.01)
        clock.shift(0.5)
        pace.note_departures(10)
        clock.shift(0.9)
        assert pace.take(5) == 0
        assert pace.wait() == pytest.approx(0.1, abs=0.001)
        clock.shift(0.11)
        assert pace.take(5) == 1


def simulate(senders: int, stalls: float) -> list[float]:
    """When messages left within ten seconds at 50 a second, with senders that are kept waiting."""
    chance = random.Random(1)
    left: list[float] = []
    with time_machine.travel(now(), tick=False) as clock:
        start = now()
        paces = [RateLimiter(50) for _ in range(senders)]
        free_at = [start] * senders
        while (moment := now()) < start + timedelta(seconds=10):
            for place, pace in enumerate(paces):
                if free_at[place] > moment:
                    continue
                for _ in range(pace.take(8)):
                    left.append((moment - start).total_seconds())
                    pace.note_departures(1)
                stalled = chance.random() < stalls
                busy = chance.uniform(0.05, 0.3) if stalled else chance.uniform(0.001, 0.01)
                free_at[place] = moment + timedelta(seconds=busy)
            clock.shift(0.002)
    return left


@pytest.mark.parametrize(("senders", "stalls"), [(1, 0.0), (1, 0.0005), (2, 0.0005)])
def test_what_a_busy_machine_kept_back_is_made_up_for_within_the_limit(
    senders: int, stalls: float
) -> None:
    left = simulate(senders, stalls)
    assert len(left) / 10 / 50 > 0.97
    assert all(later - first >= 1 for first, later in zip(left, left[50:], strict=False))


def test_a_limit_far_above_what_leaves_holds_nothing_up() -> None:
    with time_machine.travel(now(), tick=False) as clock:
        pace = RateLimiter(1000)
        taken = []
        for _ in range(80):  # Four connections, whose answers take 200 ms.
            taken.append(pace.take(1))
            pace.note_departures(taken[-1])
            clock.shift(0.05)
    assert taken == [1] * 80


def test_a_run_keeps_to_the_rate_and_uses_it(sink: Sink, settings: Settings) -> None:
    settings.MAIL_RATE = 10
    for _ in range(16):
        a_digest()
    start = now()
    assert delivery.deliver(rendering.DIGESTS) == {"sent": 16}
    took = (now() - start).total_seconds()
    assert 15 / 10 <= took < 3
    moments = sorted(filter(None, Digest.objects.values_list("sending_at", flat=True)))
    for first, last in zip(moments, moments[10:], strict=False):
        assert (last - first).total_seconds() >= 0.98


def test_digests_are_spread_over_the_window_and_nothing_waits_behind_them(
    sink: Sink, settings: Settings
) -> None:
    settings.MAIL_WINDOW = 2 / 60
    for _ in range(10):
        a_digest()
    person = a_subscriber()
    answer = Notice.objects.create(kind=Notice.Kind.MANAGE, subscriber=person)
    start = now()
    assert delivery.deliver(rendering.DIGESTS) == {"sent": 10}
    took = (now() - start).total_seconds()
    assert 1.6 <= took < 4
    assert delivery.deliver(rendering.NOTICES) == {"sent": 1}
    assert (now() - start).total_seconds() - took < 0.9
    answer.refresh_from_db()
    assert answer.state == "sent"
