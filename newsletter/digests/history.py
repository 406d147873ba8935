"""Which papers subscribers were shown already, and when they last got a digest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from newsletter.digests import retention
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

# A weekly digest serves the last due day; twice that.
LONGEST_DELAY: Final = timedelta(days=14)


@dataclass(slots=True)
class History:
    """The papers that one subscriber was or may have been shown, and the last due date.

    ``last`` is None where no digest is as recent as the candidates.
    """

    papers: set[str] = field(default_factory=set)
    last: datetime | None = None


def histories_of(
    subscribers: Collection[Subscriber],
    since: datetime,
    at: datetime,
    forgotten: Collection[str] = (),
) -> dict[int, History]:
    """Return the history of each subscriber.

    Args:
        subscribers: Whose history.
        since: When the first of the candidates was known; older digests hold none of them.
        at: The moment of this run; digests due then or later do not count as the last one.
        forgotten: The candidates that may have been in digests that were deleted. They count as
            shown to who had subscribed by then.
    """
    found: dict[int, History] = defaultdict(History)
    shown = Digest.objects.filter(subscriber__in=subscribers, state__in=SHOWN)
    # A digest holds nothing that was announced after its due day, but for its delay. The due day is
    # in the index, so that the digests of earlier years are not read.
    recent = shown.filter(created_at__gte=since, due_on__gte=(since - LONGEST_DELAY).date())
    for owner, due_at, items in recent.values_list("subscriber_id", "due_at", "items"):
        history = found[owner]
        history.papers.update(item["paper"] for item in items)
        if due_at < at:
            history.last = max(due_at, history.last or due_at)
    before = retention.horizon() if forgotten else None
    for person in subscribers:
        if before is not None and person.created_at < before:
            found[person.pk].papers.update(forgotten)
    return found
