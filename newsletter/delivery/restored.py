"""Queued mail that a restored backup holds and that may have been sent since."""

from __future__ import annotations

from typing import Final

from newsletter.delivery import streams
from newsletter.delivery.rendering import STREAMS
from newsletter.models import Outbound
from newsletter.security import audit

STOPPED: Final = (
    "A backup was restored: compare the uncertain mails with the provider's log, then start the "
    "stream again."
)
REASON: Final = "It may have been sent after the backup was made."
UNSETTLED: Final = (Outbound.State.QUEUED, Outbound.State.CLAIMED, Outbound.State.SENDING)


def stop_streams() -> int:
    """Pause every stream and return how many there are."""
    for stream in STREAMS:
        streams.pause(stream.name, STOPPED, by=audit.COMMAND_LINE)
    return len(STREAMS)


def mark_unsettled_uncertain() -> int:
    """Make uncertain what the backup holds as queued, claimed or sending; return how many rows."""
    return sum(
        stream.rows.filter(state__in=UNSETTLED).update(
            state=Outbound.State.UNCERTAIN, reason=REASON, lease="", lease_until=None
        )
        for stream in STREAMS
    )
