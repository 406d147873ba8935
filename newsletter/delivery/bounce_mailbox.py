"""Read the mailbox to which bounces come (IMAP, RFC 9051), and store them as DeliveryEvent rows."""

from __future__ import annotations

import hashlib
import imaplib
import logging
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from django.conf import settings
from django.utils.timezone import now

from newsletter.conf.env import Mailbox
from newsletter.delivery.bounce_meanings import BOUNCE_MAILBOX
from newsletter.mail import bounce_reports
from newsletter.mail.bounce_reports import BounceReport
from newsletter.models import DeliveryEvent, Digest
from newsletter.security import email_addresses

log = logging.getLogger(__name__)

IMAP_TIMEOUT: Final = 20.0  # Seconds for each answer.
MESSAGE_LIMIT: Final = 1_000_000  # Bytes; a notification needs only its beginning.
MESSAGES_AT_ONCE: Final = 500
CLOCK_TOLERANCE: Final = timedelta(days=1)
OLDEST_REPORT: Final = timedelta(days=14)  # Mail servers give up after five days.
# Anymail's word for each action of RFC 3464.
TYPE_OF_ACTION: Final = {
    "failed": "bounced",
    "delayed": "deferred",
    "delivered": "delivered",
    "relayed": "delivered",
}
MAILBOX_ERRORS: Final = (imaplib.IMAP4.error, OSError)


def read(until: Callable[[], bool] = lambda: False) -> int:
    """Store the bounces of every unread mail, mark it as read, and return how many were stored.

    A mail is marked only after its bounces are stored; reading it again stores them once. Errors
    of the mailbox are logged, and the next call tries again.
    """
    mailbox = settings.BOUNCE_MAILBOX
    if mailbox is None:
        return 0
    stored = 0
    try:
        with _open(mailbox) as imap:
            for number in _unread(imap)[:MESSAGES_AT_ONCE]:
                if until():
                    break
                stored += _store(_fetch(imap, number))
                imap.uid("STORE", number, "+FLAGS.SILENT", r"(\Seen)")
    except MAILBOX_ERRORS as error:
        log.warning("The bounce mailbox at %s cannot be read: %s", mailbox.host, error)
    return stored


@contextmanager
def _open(mailbox: Mailbox) -> Iterator[imaplib.IMAP4_SSL]:
    """Log in with a checked certificate and select the folder."""
    imap = imaplib.IMAP4_SSL(
        mailbox.host,
        mailbox.port,
        ssl_context=ssl.create_default_context(),
        timeout=IMAP_TIMEOUT,
    )
    try:
        imap.login(mailbox.user, mailbox.password)
        status, answer = imap.select(f'"{mailbox.folder}"')
        if status != "OK":
            raise imaplib.IMAP4.error(f"the folder {mailbox.folder!r} cannot be opened: {answer!r}")
        yield imap
    finally:
        with suppress(*MAILBOX_ERRORS):
            imap.logout()


def _unread(imap: imaplib.IMAP4_SSL) -> list[str]:
    _, found = imap.uid("SEARCH", "UNSEEN")
    numbers: bytes = found[0] or b""
    return numbers.decode("ascii").split()


def _fetch(imap: imaplib.IMAP4_SSL, number: str) -> bytes:
    """Return the beginning of a message, without marking it as read."""
    _, parts = imap.uid("FETCH", number, f"(BODY.PEEK[]<0.{MESSAGE_LIMIT}>)")
    return b"".join(part[1] for part in parts if isinstance(part, tuple))


def _store(raw: bytes) -> int:
    """Store the reports of a mail about our messages, once, and return the number of events."""
    reports = bounce_reports.parse(raw)
    digest = hashlib.sha256(raw).hexdigest()
    events = [
        event
        for place, report in enumerate(reports)
        if (event := _event(report, f"{digest[:58]}-{place}"))
    ]
    DeliveryEvent.objects.bulk_create(events, ignore_conflicts=True)
    return len(events)


def _event(report: BounceReport, key: str) -> DeliveryEvent | None:
    """Return the row of a report; None where its message is unknown."""
    row = (
        report.tag.model.objects.select_related("subscriber")
        .filter(public_id=report.tag.public_id)
        .first()
    )
    if row is None or report.action not in TYPE_OF_ACTION:
        return None
    text = report.text.replace("\x00", "")
    return DeliveryEvent(
        provider=BOUNCE_MAILBOX,
        event_key=key,
        type=TYPE_OF_ACTION[report.action],
        recipient=row.subscriber.email,
        email_key=email_addresses.key_of(row.subscriber.email),
        digest=row if isinstance(row, Digest) else None,
        description=text,
        payload={"action": report.action, "status": report.status, "text": text},
        occurred_at=_occurred_at(report),
    )


def _occurred_at(report: BounceReport) -> datetime:
    """Return the date of a notification where it is plausible, else now."""
    moment = now()
    seconds = bounce_reports.date_of(report)
    if seconds is None:
        return moment
    earliest, latest = moment - OLDEST_REPORT, moment + CLOCK_TOLERANCE
    if not earliest.timestamp() <= seconds <= latest.timestamp():
        return moment
    return datetime.fromtimestamp(seconds, UTC)
