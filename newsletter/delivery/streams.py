"""Pause a stream of mail (the operator or an alarm), or hold it for a while."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q
from django.utils.timezone import now

from newsletter.mail.errors import LONGEST_HOLD
from newsletter.models import Stream

log = logging.getLogger(__name__)

# A hold that ends later than this was written by a wrong clock and is ignored.
LONGEST_BELIEVED_HOLD: Final = timedelta(seconds=2 * LONGEST_HOLD)


def pause(stream: str, reason: str) -> None:
    """Stop a stream; running senders notice it before their next message."""
    Stream.objects.update_or_create(
        name=stream, defaults={"paused_at": now(), "paused_reason": reason[:300]}
    )
    log.error("The %s stream is paused: %s", stream, reason)


def resume(stream: str) -> None:
    """Start a stream again, at once."""
    Stream.objects.update_or_create(
        name=stream,
        defaults={
            "paused_at": None,
            "paused_reason": "",
            "hold_until": None,
            "resumed_at": now(),
        },
    )


def hold(stream: str, seconds: float, reason: str = "") -> None:
    """Let a stream wait, at most LONGEST_HOLD; a hold that already lasts longer stays."""
    moment = now()
    until = moment + timedelta(seconds=min(seconds, LONGEST_HOLD))
    Stream.objects.get_or_create(name=stream)
    shorter = Q(hold_until=None) | ~Q(hold_until__range=(until, moment + LONGEST_BELIEVED_HOLD))
    Stream.objects.filter(shorter, name=stream).update(hold_until=until)
    log.warning("The %s stream waits for %.0f s. %s", stream, seconds, reason)


def held_until(stream: Stream) -> datetime | None:
    """Return when the hold of a stream ends; None when nothing holds it."""
    end, moment = stream.hold_until, now()
    return end if end and moment < end <= moment + LONGEST_BELIEVED_HOLD else None


def is_stopped(stream: str, *, patient: bool) -> bool:
    """Return whether a stream is paused, or held and the sender is ``patient``."""
    stopped = Q(paused_at__isnull=False)
    if patient:
        stopped |= Q(hold_until__range=(now(), now() + LONGEST_BELIEVED_HOLD))
    return Stream.objects.filter(stopped, name=stream).exists()
