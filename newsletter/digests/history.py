"""Which papers subscribers were shown already, and when they last got a digest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.db.models import Max

from newsletter.models import Digest, Subscriber

State = Digest.State
# A paper in a digest of one of these states was, or may yet be, seen: the operator can resend.
SHOWN: Final = (
    State.QUEUED,
    State.CLAIMED,
    State.SENDING,
    State.SENT,
    State.UNCERTAIN,
    State.FAILED,
)


@dataclass(slots=True)
class History:
    """The papers that one subscriber was or may have been shown, and the last due date."""

    papers: set[str] = field(default_factory=set)
    last: datetime | None = None


def histories_of(
    subscribers: Collection[Subscriber], since: datetime, at: datetime
) -> dict[int, History]:
    """Return the history of each subscriber.

    Args:
        subscribers: Whose history.
        since: Digests created before hold no paper that can be chosen now.
        at: The moment of this run; digests due then or later do not count as the last one.
    """
    found: dict[int, History] = defaultdict(History)
    shown = Digest.objects.filter(subscriber__in=subscribers, state__in=SHOWN)
    last = shown.filter(due_at__lt=at).values("subscriber_id").annotate(last=Max("due_at"))
    for owner, moment in last.values_list("subscriber_id", "last"):
        found[owner].last = moment
    for owner, items in shown.filter(created_at__gte=since).values_list("subscriber_id", "items"):
        found[owner].papers.update(item["paper"] for item in items)
    return found
