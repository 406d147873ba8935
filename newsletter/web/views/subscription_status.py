"""Where a subscription stands, as its pages say it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.utils.timezone import now

from newsletter.models import Subscriber
from newsletter.subscriptions import service as subscriptions

Status = Subscriber.Status
SUBSCRIBED: Final = frozenset({Status.ACTIVE, Status.PAUSED})
"""Those who get a digest sooner or later."""


def standing(subscriber: Subscriber) -> dict[str, Any]:
    """For a template: when the next digest comes, if that is not at once, and how long it rests."""
    moment = now()
    due = _next_due(subscriber, moment)
    return {
        "subscriber": subscriber,
        "subscribed": subscriber.status in SUBSCRIBED,
        "next_digest": _local(due, subscriber) if due and due > moment else None,
        "paused_until": _local(subscriber.paused_until, subscriber),
    }


def _next_due(subscriber: Subscriber, moment: datetime) -> datetime | None:
    """The stored date, or the one that the end of a pause will bring."""
    if subscriber.status == Status.PAUSED and subscriber.paused_until:
        return subscriptions.next_due(subscriber, max(subscriber.paused_until, moment))
    return subscriber.next_digest_at


def _local(moment: datetime | None, subscriber: Subscriber) -> datetime | None:
    """The moment on the subscriber's own clock; naive, so that a template shows it as it is."""
    return moment and moment.astimezone(ZoneInfo(subscriber.timezone)).replace(tzinfo=None)
