"""Where a subscription stands, as its pages say it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.utils.timezone import now

from newsletter.models import Subscriber

SUBSCRIBED: Final = frozenset({Subscriber.Status.ACTIVE, Subscriber.Status.PAUSED})
"""Those who get a digest sooner or later."""


def standing(subscriber: Subscriber) -> dict[str, Any]:
    """For a template: when the next digest comes, if that is not at once, and how long it rests."""
    due = subscriber.next_digest_at
    return {
        "subscriber": subscriber,
        "subscribed": subscriber.status in SUBSCRIBED,
        "next_digest": _local(due, subscriber) if due and due > now() else None,
        "paused_until": _local(subscriber.paused_until, subscriber),
    }


def _local(moment: datetime | None, subscriber: Subscriber) -> datetime | None:
    """The moment on the subscriber's own clock; naive, so that a template shows it as it is."""
    return moment and moment.astimezone(ZoneInfo(subscriber.timezone)).replace(tzinfo=None)
