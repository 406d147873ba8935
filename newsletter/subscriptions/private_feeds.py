"""The private feed of a subscriber: what its digests list, under an address that can be renewed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db.models import F

from newsletter.models import Digest, Subscriber

DIGESTS: Final = 10
"""The newest so many digests are in the feed."""
State = Digest.State
UNWRITTEN: Final = (State.SKIPPED, State.CANCELLED)
"""States of digests that no reader ever gets."""


class FeedItem(NamedTuple):
    """One item of a digest (``Digest.items``) and when the digest was written."""

    item: Mapping[str, Any]
    written_at: datetime


def items_of(subscriber: Subscriber) -> list[FeedItem]:
    """Return the items of the newest digests, newest digest first, each paper once."""
    digests = Digest.objects.filter(subscriber=subscriber).exclude(state__in=UNWRITTEN)
    found: dict[str, FeedItem] = {}
    for digest in digests.order_by("-due_at", "-pk")[:DIGESTS]:
        for item in digest.items:
            found.setdefault(item["paper"], FeedItem(item, digest.created_at))
    return list(found.values())


def renew_address(subscriber: Subscriber) -> None:
    """Give the feed a new address; the old one stops at once."""
    Subscriber.objects.filter(pk=subscriber.pk).update(feed_version=F("feed_version") + 1)
    subscriber.refresh_from_db(fields=["feed_version"])
