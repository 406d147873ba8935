"""Stop the mail when our own bookkeeping contradicts itself: two alarms against our own bugs."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count
from django.db.models.functions import Lower

from newsletter.delivery import streams
from newsletter.models import Digest, Outbound

log = logging.getLogger(__name__)

# Digests of the last days are looked at: none leaves later than this after its hour.
CHECKED_DAYS: Final = timedelta(days=3)
NAMED_ROWS: Final = 3


def accepted_without_row(stream: str, rows: list[int]) -> None:
    """Pause a stream that sent more messages than it has rows for.

    Args:
        stream: The name of the stream.
        rows: The ids of rows whose message was accepted although another sender holds, or has
            sent, the row.
    """
    named = ", ".join(str(row) for row in rows[:NAMED_ROWS])
    reason = f"More messages were accepted than there are rows: {stream} {named} left twice."
    log.critical("%s", reason)
    streams.pause(stream, reason)


def check_readers(moment: datetime) -> None:
    """Pause the digests when an address was sent two of the same due day."""
    sent = Digest.objects.filter(
        due_at__gte=moment - CHECKED_DAYS, state=Outbound.State.SENT
    ).order_by()
    twice = (
        sent.values("due_on", address=Lower("subscriber__email"))
        .annotate(count=Count("pk"))
        .filter(count__gt=1)
    )
    found = twice.values_list("due_on", "count")[:NAMED_ROWS]
    for due_on, count in found:
        reason = f"One reader was sent {count} digests of {due_on:%Y-%m-%d}."
        log.critical("%s", reason)
        streams.pause("digests", reason)
