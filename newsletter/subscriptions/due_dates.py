"""The due times of subscribers: the schedule of each, and the days that had a digest already."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from newsletter.models import Digest, Subscriber
from newsletter.subscriptions import schedule

Status = Subscriber.Status
LONGEST_PAUSE: Final = timedelta(days=31)
"""A pause with an end lasts at most so long; a longer one was stored by a wrong clock."""


def next_due(subscriber: Subscriber, after: datetime) -> datetime:
    """Return when the next digest after that time is due, on a day that has had none."""
    if has_digest_of_day(subscriber, after):
        day = schedule.due_day(after, subscriber.timezone)
        after = schedule.end_of(day, subscriber.timezone)
    return regular_due(subscriber, after)


def has_digest_of_day(subscriber: Subscriber, moment: datetime) -> bool:
    """Return whether the subscriber's own day at that moment has a digest already."""
    day = schedule.due_day(moment, subscriber.timezone)
    return Digest.objects.filter(subscriber=subscriber, due_on=day).exists()


def regular_due(subscriber: Subscriber, after: datetime) -> datetime:
    """Return the first due time after that moment by the subscriber's settings alone."""
    return schedule.next_due(
        frequency=subscriber.frequency,
        weekday=subscriber.weekday,
        hour=subscriber.hour,
        timezone=subscriber.timezone,
        after=after,
    )


def correct_dates(at: datetime) -> int:
    """Correct due times and ends of pauses that a wrong clock stored too far ahead.

    Returns:
        The number of subscribers that were corrected.
    """
    corrected = 0
    for frequency, wait in schedule.LONGEST_WAIT.items():
        late = Subscriber.objects.filter(
            status=Status.ACTIVE, frequency=frequency, next_digest_at__gt=at + wait
        )
        for subscriber in late.iterator(chunk_size=500):
            corrected += Subscriber.objects.filter(
                pk=subscriber.pk, next_digest_at=subscriber.next_digest_at
            ).update(next_digest_at=next_due(subscriber, at))
    endless = Subscriber.objects.filter(status=Status.PAUSED, paused_until__gt=at + LONGEST_PAUSE)
    return corrected + endless.update(paused_until=at + LONGEST_PAUSE)
