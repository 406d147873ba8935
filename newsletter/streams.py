"""A kind of mail as a whole: stopped by a person or an alarm, held because a provider asks."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db.models import Q
from django.utils.timezone import now

from newsletter.models import Stream

log = logging.getLogger(__name__)


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
    """Let the whole stream wait because the provider asked for it, or nothing can leave."""
    until = now() + timedelta(seconds=seconds)
    Stream.objects.update_or_create(name=stream, defaults={"hold_until": until})
    log.warning("The %s stream waits for %.0f s. %s", stream, seconds, reason)


def is_stopped(stream: str, *, patient: bool) -> bool:
    """Whether nothing may leave: paused, or held and the sender is ``patient`` enough to wait."""
    stopped = Q(paused_at__isnull=False)
    if patient:
        stopped |= Q(hold_until__gt=now())
    return Stream.objects.filter(stopped, name=stream).exists()
