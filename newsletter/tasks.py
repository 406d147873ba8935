"""Celery tasks: each calls one service, and can be lost or repeated without harm."""

from __future__ import annotations

import time
from typing import Final

from celery import shared_task
from django.utils.timezone import now

from newsletter import jobs
from newsletter.celery import stopping
from newsletter.delivery import bounces
from newsletter.subscriptions import feedback
from newsletter.subscriptions import service as subscriptions

# A task stops after this long and leaves the rest to the next tick, so that a shutdown is quick.
SLICE_SECONDS: Final = 20.0


def _slice() -> jobs.StopCondition:
    end = time.monotonic() + SLICE_SECONDS
    return lambda: stopping.is_set() or time.monotonic() > end


@shared_task
def deliver_notices() -> None:
    """Send the notices that are queued."""
    jobs.send_notices(_slice())


@shared_task
def send_digests() -> None:
    """Assemble and send the digests that are due."""
    jobs.send_digests(_slice(), stopping.is_set)


@shared_task
def clean_up() -> None:
    """Delete what its retention time has passed."""
    subscriptions.clean_up(now())
    bounces.delete_old_events(now())


@shared_task
def count_likes() -> None:
    """Store the likes of readers as measurements of papers, before scoring."""
    feedback.count_likes(now())
