"""Due days that a restored backup knows nothing of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Q

from newsletter.models import Digest, Subscriber
from newsletter.subscriptions import due_dates, schedule

SUBSCRIBERS_AT_ONCE: Final = 500
REASON: Final = "It may have been sent before the backup was restored."


def mark_due_days_uncertain(since: datetime, until: datetime) -> Iterator[int]:
    """Write an uncertain digest for every due day of the time that the backup does not cover.

    The unique due day then keeps that digest from being sent a second time. Due dates move on.

    Args:
        since: When the backup was made. What fell due before it without being assembled counts
            as well, as far back as it could still be sent.
        until: Now.

    Yields:
        The number of rows written, once for each portion of subscribers.
    """
    active = Q(status=Subscriber.Status.ACTIVE, next_digest_at__lte=until)
    rested = Q(status=Subscriber.Status.PAUSED, paused_until__lte=until)
    people = Subscriber.objects.filter(active | rested).order_by("pk")
    last = 0
    while portion := list(people.filter(pk__gt=last)[:SUBSCRIBERS_AT_ONCE]):
        yield _mark(portion, since, until)
        last = portion[-1].pk


def _mark(people: Iterable[Subscriber], since: datetime, until: datetime) -> int:
    rows = [
        Digest(
            subscriber=person,
            due_at=moment,
            due_on=schedule.due_day(moment, person.timezone),
            state=Digest.State.UNCERTAIN,
            reason=REASON,
        )
        for person in people
        for moment in _due_moments(person, since, until)
    ]
    with transaction.atomic():
        before = Digest.objects.filter(subscriber__in=people).count()
        Digest.objects.bulk_create(rows, ignore_conflicts=True)
        written = Digest.objects.filter(subscriber__in=people).count() - before
        for person in people:
            if person.next_digest_at is not None:
                following = due_dates.next_due(person, until)
                Subscriber.objects.filter(
                    pk=person.pk, next_digest_at=person.next_digest_at
                ).update(next_digest_at=following)
    return written


def _due_moments(person: Subscriber, since: datetime, until: datetime) -> Iterator[datetime]:
    """Yield the due moments of a subscriber from the planned one on."""
    planned = person.paused_until if person.next_digest_at is None else person.next_digest_at
    if planned is None:
        return
    moment = max(planned, since - schedule.MAX_DELAY[person.frequency])
    if moment > planned or person.next_digest_at is None:
        moment = due_dates.regular_due(person, moment)
    while moment <= until:
        yield moment
        moment = due_dates.regular_due(person, moment)
