"""Tell the operator when something stops working: OPERATOR_EMAIL, OPERATOR_WEBHOOK.

Every live process looks once a minute, so that a part which ended is reported by another one; the
table of alerts lets one of them tell, at most once an hour for each cause.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from anymail.message import AnymailMessage
from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.db.models import Q
from django.utils.timezone import now

from newsletter.delivery import connections
from newsletter.mail.errors import SendStatus
from newsletter.models import Alert
from newsletter.process import operator_webhook, status
from newsletter.process.status import Trouble

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 60.0
SILENCE: Final = timedelta(minutes=5)
SOURCE_PATIENCE: Final = timedelta(days=1)
SHORTEST_INTERVAL: Final = timedelta(hours=1)
# What lasts is told again each day.
REMINDER_INTERVAL: Final = timedelta(days=1)
RETRY_INTERVAL: Final = timedelta(minutes=5)


def send_alerts() -> list[Trouble]:
    """Tell the troubles that the operator has not been told of, and return them.

    What neither the mailbox nor the webhook took is tried again soon; one of them is enough, as
    the other would else be told more than once an hour.
    """
    channels = _channels()
    told = [trouble for trouble in _grave() if channels and _claim(trouble)]
    for trouble in told:
        failures = 0
        for name, tell in channels.items():
            if reason := tell(trouble):
                log.error("The %s could not be told: %s. %s", name, reason, trouble.sentence)
                failures += 1
        if failures == len(channels):
            told_at = now() - SHORTEST_INTERVAL + RETRY_INTERVAL
            Alert.objects.filter(cause=trouble.cause[:100]).update(told_at=told_at, since=None)
    return told


def watch(stopping: threading.Event) -> None:
    """Call ``send_alerts`` once a minute until ``stopping`` is set."""
    while not stopping.wait(LOOK_SECONDS):
        close_old_connections()
        try:
            send_alerts()
        except DatabaseError as error:
            log.warning("Nobody is told what is wrong: the database cannot be used: %s", error)
        except Exception:
            log.exception("Looking for troubles failed; the next look is in a minute.")


def start_watching(stopping: threading.Event) -> threading.Thread:
    """Watch in a thread of its own."""
    thread = threading.Thread(target=watch, args=(stopping,), name="alerts", daemon=True)
    thread.start()
    return thread


def _grave() -> list[Trouble]:
    """Return the troubles that deserve a mail: those that last, and every stopped stream."""
    old = now() - SOURCE_PATIENCE
    snapshot = status.read()
    sources = (trouble for trouble in status.failing_sources(snapshot) if trouble.since < old)
    parts = status.silent_parts(snapshot, SILENCE)
    return [
        *status.stopped_streams(snapshot),
        *parts,
        *status.wrong_clocks(snapshot),
        *sources,
    ]


def _claim(trouble: Trouble) -> bool:
    """Return whether this process is the one to tell of the trouble now."""
    moment = now()
    values = {"told_at": moment, "since": trouble.since, "sentence": trouble.sentence[:500]}
    _, created = Alert.objects.get_or_create(cause=trouble.cause[:100], defaults=values)
    if created:
        return True
    # What lies ahead was written by a wrong clock.
    due = Q(told_at__gt=moment) | Q(told_at__lte=moment - REMINDER_INTERVAL)
    due |= Q(told_at__lte=moment - SHORTEST_INTERVAL) & ~Q(since=trouble.since)
    due |= Q(told_at__lte=moment - SHORTEST_INTERVAL, since=None)
    return bool(Alert.objects.filter(due, cause=trouble.cause[:100]).update(**values))


def _channels() -> dict[str, Callable[[Trouble], str]]:
    """Return the ways to tell the operator; each returns why it failed, or nothing."""
    channels: dict[str, Callable[[Trouble], str]] = {}
    if settings.OPERATOR_EMAIL:
        channels["operator's mailbox"] = _mail
    if settings.OPERATOR_WEBHOOK:
        channels["operator's webhook"] = operator_webhook.post
    return channels


def _mail(trouble: Trouble) -> str:
    result = connections.send_single(_message(trouble))
    return "" if result.status == SendStatus.SENT else result.reason or result.status


def _message(trouble: Trouble) -> AnymailMessage:
    lines = [trouble.sentence, "", f"{settings.SITE_URL}/admin/ shows more."]
    return AnymailMessage(
        subject=f"[{settings.SITE_NAME}] {trouble.sentence}"[:150],
        body="\n".join(lines) + "\n",
        from_email=settings.NOTICE_FROM_EMAIL,
        to=[settings.OPERATOR_EMAIL],
        headers={"Auto-Submitted": "auto-generated"},
    )
