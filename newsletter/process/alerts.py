"""Notify the operator of problems by OPERATOR_EMAIL and OPERATOR_WEBHOOK.

Every process checks once a minute, so that a part which has ended is reported by another one. The
table of alerts lets only one of them notify, at most once an hour for each cause.
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
from newsletter.process.status import Problem

log = logging.getLogger(__name__)

CHECK_INTERVAL_SECONDS: Final = 60.0
SILENCE: Final = timedelta(minutes=5)
SOURCE_PATIENCE: Final = timedelta(days=1)
SHORTEST_INTERVAL: Final = timedelta(hours=1)
# A problem that lasts is reported again each day.
REMINDER_INTERVAL: Final = timedelta(days=1)
RETRY_INTERVAL: Final = timedelta(minutes=5)


def send_alerts() -> list[Problem]:
    """Notify the operator of new and lasting problems, and return those that were reported.

    A problem that neither the mailbox nor the webhook accepted is tried again soon. One of them is
    enough: otherwise the other would be notified more than once an hour.
    """
    channels = _channels()
    claimed = [problem for problem in _lasting_problems() if channels and _claim(problem)]
    for problem in claimed:
        failures = 0
        for name, notify in channels.items():
            if reason := notify(problem):
                log.error("The %s could not be notified: %s. %s", name, reason, problem.sentence)
                failures += 1
        if failures == len(channels):
            notified_at = now() - SHORTEST_INTERVAL + RETRY_INTERVAL
            alert = Alert.objects.filter(cause=problem.cause[:100])
            alert.update(notified_at=notified_at, since=None)
    return claimed


def watch(stopping: threading.Event) -> None:
    """Call ``send_alerts`` once a minute until ``stopping`` is set."""
    while not stopping.wait(CHECK_INTERVAL_SECONDS):
        close_old_connections()
        try:
            send_alerts()
        except DatabaseError as error:
            log.warning("The operator cannot be notified: the database cannot be used: %s", error)
        except Exception:
            log.exception("Checking for problems failed; the next check is in a minute.")


def start_watching(stopping: threading.Event) -> threading.Thread:
    """Watch in a thread of its own."""
    thread = threading.Thread(target=watch, args=(stopping,), name="alerts", daemon=True)
    thread.start()
    return thread


def _lasting_problems() -> list[Problem]:
    """Return the problems to report: every stopped stream, and others once they have lasted."""
    old = now() - SOURCE_PATIENCE
    snapshot = status.read()
    sources = (problem for problem in status.failing_sources(snapshot) if problem.since < old)
    parts = status.silent_parts(snapshot, SILENCE)
    return [
        *status.stopped_streams(snapshot),
        *parts,
        *status.wrong_clocks(snapshot),
        *sources,
    ]


def _claim(problem: Problem) -> bool:
    """Return whether this process is the one to report the problem now."""
    moment = now()
    values = {"notified_at": moment, "since": problem.since, "sentence": problem.sentence[:500]}
    _, created = Alert.objects.get_or_create(cause=problem.cause[:100], defaults=values)
    if created:
        return True
    # A time in the future was written by a wrong clock.
    due = Q(notified_at__gt=moment) | Q(notified_at__lte=moment - REMINDER_INTERVAL)
    due |= Q(notified_at__lte=moment - SHORTEST_INTERVAL) & ~Q(since=problem.since)
    due |= Q(notified_at__lte=moment - SHORTEST_INTERVAL, since=None)
    return bool(Alert.objects.filter(due, cause=problem.cause[:100]).update(**values))


def _channels() -> dict[str, Callable[[Problem], str]]:
    """Return the functions that notify the operator; each returns why it failed, or nothing."""
    channels: dict[str, Callable[[Problem], str]] = {}
    if settings.OPERATOR_EMAIL:
        channels["operator's mailbox"] = _mail
    if settings.OPERATOR_WEBHOOK:
        channels["operator's webhook"] = operator_webhook.post
    return channels


def _mail(problem: Problem) -> str:
    result = connections.send_single(_message(problem))
    return "" if result.status == SendStatus.SENT else result.reason or result.status


def _message(problem: Problem) -> AnymailMessage:
    lines = [problem.sentence, "", f"{settings.SITE_URL}/admin/ shows more."]
    return AnymailMessage(
        subject=f"[{settings.SITE_NAME}] {problem.sentence}"[:150],
        body="\n".join(lines) + "\n",
        from_email=settings.NOTICE_FROM_EMAIL,
        to=[settings.OPERATOR_EMAIL],
        headers={"Auto-Submitted": "auto-generated"},
    )
