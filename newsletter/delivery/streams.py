"""A kind of mail as a whole: stopped by a person or an alarm, held because a provider asks."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q
from django.utils.timezone import now

from newsletter.mail.errors import LONGEST_HOLD
from newsletter.models import Stream

log = logging.getLogger(__name__)

# What lies further ahead was written by a clock that was wrong.
FURTHEST: Final = timedelta(seconds=2 * LONGEST_HOLD)


def pause(stream: str, reason: str) -> None:
    """Stop a stream; whoever is sending notices before the next message."""
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
    """Let the whole stream wait because the provider asked for it, or nothing can leave.

    An hour at most; a hold that lasts longer already stays.
    """
    moment = now()
    until = moment + timedelta(seconds=min(seconds, LONGEST_HOLD))
    Stream.objects.get_or_create(name=stream)
    shorter = Q(hold_until=None) | ~Q(hold_until__range=(until, moment + FURTHEST))
    Stream.objects.filter(shorter, name=stream).update(hold_until=until)
    log.warning("The %s stream waits for %.0f s. %s", stream, seconds, reason)


def held_until(stream: Stream) -> datetime | None:
    """When the hold of a stream ends; None when nothing holds it."""
    end, moment = stream.hold_until, now()
    return end if end and moment < end <= moment + FURTHEST else None


def is_stopped(stream: str, *, patient: bool) -> bool:
    """Whether nothing may leave: paused, or held and the sender is ``patient`` enough to wait."""
    stopped = Q(paused_at__isnull=False)
    if patient:
        stopped |= Q(hold_until__range=(now(), now() + FURTHEST))
    return Stream.objects.filter(stopped, name=stream).exists()
