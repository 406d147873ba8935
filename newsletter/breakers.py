"""Circuit breakers: too many complaints or dead addresses stop the digests (RULES A13).

Mailbox providers count complaints per sender and start refusing well before a person would
notice. What counts is the last week, and nothing from before the operator started the stream again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from newsletter import streams
from newsletter.models import Digest, Stream, Suppression

log = logging.getLogger(__name__)

STREAM: Final = "digests"
WINDOW: Final = timedelta(days=7)
LEAST_SENT: Final = 200


@dataclass(frozen=True)
class Breaker:
    """Shares of what was sent: a warning from the first on, a stop from the second."""

    what: str
    reason: str
    warning: float
    stop: float


BREAKERS: Final = (
    Breaker("complaints", Suppression.Reason.COMPLAINT, 0.001, 0.003),
    Breaker("addresses that do not exist", Suppression.Reason.HARD_BOUNCE, 0.02, 0.05),
)


def check(moment: datetime) -> None:
    """Warn about, or pause, a stream that does harm to its own reputation."""
    stream = Stream.objects.filter(name=STREAM).first()
    if stream is not None and stream.paused_at is not None:
        return
    since = moment - WINDOW
    if stream is not None and stream.resumed_at is not None:
        since = max(since, stream.resumed_at)
    sent = Digest.objects.filter(sent_at__gte=since).count()
    if sent < LEAST_SENT:
        return
    for breaker in BREAKERS:
        count = Suppression.objects.filter(reason=breaker.reason, created_at__gte=since).count()
        share = count / sent
        found = f"{count} {breaker.what} among {sent} digests since {since:%Y-%m-%d} ({share:.2%})"
        if share >= breaker.stop:
            streams.pause(STREAM, f"{found}; the limit is {breaker.stop:.1%}. Find out why first.")
            return
        if share >= breaker.warning:
            log.warning("%s; digests stop at %s.", found, f"{breaker.stop:.1%}")
