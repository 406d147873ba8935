"""Remember which readers' servers refuse our mail by policy while others take it.

One company that does not want the digest refuses all its readers every morning. That is worth a
line in their history, and says nothing new about the stream.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db.models import Max
from django.utils.timezone import now

from newsletter.delivery.circuit_breakers import has_large_share
from newsletter.delivery.outbox import SMTP_ANSWER
from newsletter.delivery.rounds import store_event
from newsletter.mail.errors import SendResult, SendStatus
from newsletter.models import DeliveryEvent, Digest, Notice
from newsletter.security import email_addresses
from newsletter.security.email_addresses import organisation

REMEMBERED: Final = timedelta(days=30)
BLOCKED: Final = "blocked"


def remember(row: Digest | Notice, reason: str) -> None:
    """Store that this reader's server refused a message by policy."""
    store_event(row, SendResult(SendStatus.RETRY, reason, reject_reason=BLOCKED), "deferred")


def is_small(domain: str) -> bool:
    """Return whether few of the active readers are at the organisation of this domain."""
    return not has_large_share({organisation(domain)})


def is_known(row: Digest | Notice) -> bool:
    """Return whether an earlier message to this reader was refused, and none accepted since."""
    sent = Digest.objects.filter(subscriber_id=row.subscriber_id).aggregate(last=Max("sent_at"))
    refused = DeliveryEvent.objects.filter(
        provider=SMTP_ANSWER,
        reject_reason=BLOCKED,
        email_key=email_addresses.key_of(row.subscriber.email),
        occurred_at__gte=max(now() - REMEMBERED, sent["last"] or now() - REMEMBERED),
    )
    return refused.exclude(event_key__startswith=row.public_id.hex).exists()
