"""The status of a subscription, for the subscriber's pages."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.utils.timezone import now

from newsletter.models import Subscriber
from newsletter.subscriptions import due_dates

Status = Subscriber.Status
SUBSCRIBED: Final = frozenset({Status.ACTIVE, Status.PAUSED})
"""The statuses of subscribers with a digest to come."""


def status_context(subscriber: Subscriber) -> dict[str, Any]:
    """Return template values: the next digest, unless it is due now, and the end of a pause."""
    moment = now()
    due = _next_due(subscriber, moment)
    return {
        "subscriber": subscriber,
        "subscribed": subscriber.status in SUBSCRIBED,
        "next_digest": _local(due, subscriber) if due and due > moment else None,
        "paused_until": _local(subscriber.paused_until, subscriber),
    }


def _next_due(subscriber: Subscriber, moment: datetime) -> datetime | None:
    """Return the stored due date, or the first one after a pause."""
    if subscriber.status == Status.PAUSED and subscriber.paused_until:
        return due_dates.next_due(subscriber, max(subscriber.paused_until, moment))
    return subscriber.next_digest_at


def _local(moment: datetime | None, subscriber: Subscriber) -> datetime | None:
    """Convert to the subscriber's zone, naive so that a template does not convert it again."""
    return moment and moment.astimezone(ZoneInfo(subscriber.timezone)).replace(tzinfo=None)
