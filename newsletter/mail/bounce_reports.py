"""Parse delivery status notifications (RFC 3464), the mails that report a bounce."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

from newsletter.mail.return_paths import Tag, find_tag

# Headers in which the address stands that the notification was sent to.
RECIPIENT_HEADERS: Final = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To")
STATUS_TYPES: Final = frozenset({"message/delivery-status", "message/global-delivery-status"})
TEXT_LIMIT: Final = 1000  # Characters of a diagnostic text.


class BounceReport(NamedTuple):
    """The report of one notification about one recipient.

    ``action`` is ``failed``, ``delayed``, ``delivered``, ``relayed`` or ``expanded``; ``status`` an
    enhanced status code (RFC 3463); ``diagnostic`` the reply of the mail server.
    """

    tag: Tag
    action: str
    status: str
    diagnostic: str
    date: str

    @property
    def text(self) -> str:
        """The reply and the status, of which the reply is the more specific one."""
        return f"{self.diagnostic} {self.status}".strip()


def parse(raw: bytes) -> list[BounceReport]:
    """Return the reports of a mail about our messages; none for any mail but a notification.

    An automatic reply (RFC 3834) comes to the same address and is no bounce. A notification without
    our tag is ignored, as anybody could send one.
    """
    try:
        message = message_from_bytes(raw)
        tag = _tag_of(message)
        if tag is None:
            return []
        date = str(message.get("Date", ""))
        return [
            BounceReport(
                tag,
                _field(block, "Action").lower(),
                _field(block, "Status"),
                _reply(_field(block, "Diagnostic-Code")),
                date,
            )
            for block in _recipient_blocks(message)
        ]
    except (MessageError, ValueError, LookupError, TypeError, AttributeError):
        return []


def _tag_of(message: Message) -> Tag | None:
    for name in RECIPIENT_HEADERS:
        for value in message.get_all(name, []):
            if tag := find_tag(str(value)):
                return tag
    return None


def _recipient_blocks(message: Message) -> Iterator[Message]:
    """Yield the fields of each recipient (section 2.3); those of the message come before them."""
    for part in message.walk():
        if part.get_content_type() not in STATUS_TYPES:
            continue
        blocks = part.get_payload()
        if isinstance(blocks, list):
            for block in blocks:
                if isinstance(block, Message) and block.get("Action"):
                    yield block


def _field(block: Message, name: str) -> str:
    value = str(make_header(decode_header(str(block.get(name, "")))))
    return " ".join(value.split())[:TEXT_LIMIT]


def _reply(diagnostic: str) -> str:
    """Return a diagnostic code without its type: ``smtp; 550 5.1.1 ...``."""
    kind, separator, text = diagnostic.partition(";")
    return text.strip() if separator and kind.replace("-", "").isalnum() else diagnostic


def date_of(report: BounceReport) -> float | None:
    """Return the time of the notification as seconds of the epoch; None without a valid one."""
    try:
        return parsedate_to_datetime(report.date).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
