"""The due times of subscribers: the schedule of each, and the days that had a digest already."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from newsletter.models import Digest, Subscriber
from newsletter.subscriptions import schedule

Status = Subscriber.Status
LONGEST_PAUSE: Final = timedelta(days=31)
"""A pause with an end lasts at most so long; a longer one was stored by a wrong clock."""


def next_due(subscriber: Subscriber, after: datetime) -> datetime:
    """Return when the next digest after that time is due, on a day that has had none."""
    return next_due_of([subscriber], after)[subscriber.pk]


def next_due_of(people: Sequence[Subscriber], after: datetime) -> dict[int, datetime]:
    """Return what ``next_due`` says of each person, by primary key; it takes one query."""
    days = {person.pk: schedule.due_day(after, person.timezone) for person in people}
    digests = Digest.objects.filter(subscriber__in=list(days), due_on__in=set(days.values()))
    had = set(digests.order_by().values_list("subscriber_id", "due_on"))
    ends = {person.pk: schedule.end_of(days[person.pk], person.timezone) for person in people}
    return {
        person.pk: regular_due(
            person, ends[person.pk] if (person.pk, days[person.pk]) in had else after
        )
        for person in people
    }


def resume_regular(people: Sequence[Subscriber], after: datetime) -> None:
    """Make these people active, each due at the next regular time.

    Many are due at the same hour: one statement for each time costs a tenth of one with a case for
    each person.
    """
    by_time: dict[datetime, list[int]] = {}
    for key, due in next_due_of(people, after).items():
        by_time.setdefault(due, []).append(key)
    for due, keys in by_time.items():
        Subscriber.objects.filter(pk__in=keys).update(
            status=Status.ACTIVE, paused_until=None, next_digest_at=due
        )


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
