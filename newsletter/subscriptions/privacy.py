"""Export and erasure of everything that is stored about a person (GDPR, articles 15 and 17)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Model, Q, QuerySet

from newsletter.models import Consent, DeliveryEvent, Digest, Notice, Subscriber, Suppression
from newsletter.security import email_addresses, throttle
from newsletter.security.tokens import PRIVACY_LIFETIME
from newsletter.subscriptions import preferences, suppressions

SUBSCRIPTION: Final = (
    "email",
    "status",
    "created_at",
    "confirmed_at",
    "consent_source",
    "next_digest_at",
    "paused_until",
    "soft_bounce_score",
    "last_soft_bounce_at",
)
CONSENT: Final = (
    "at",
    "action",
    "email_as_typed",
    "form",
    "text_version",
    "text_hash",
    "choices",
    "ip_truncated",
    "user_agent",
)
DIGEST: Final = ("due_on", "due_at", "state", "reason", "subject", "items", "sent_at")
NOTICE: Final = ("created_at", "kind", "state", "reason", "sent_at")
LINK_LIMIT: Final = throttle.Limit("privacy link", 1, throttle.HOUR)
EVENT: Final = ("occurred_at", "provider", "type", "recipient", "reject_reason", "description")


def export(subscriber: Subscriber) -> dict[str, Any]:
    """Return everything stored about this person, ready for ``DjangoJSONEncoder``.

    It holds no link and no token, so that a reader of the file cannot act with it.
    """
    return {
        "subscription": _fields(subscriber, SUBSCRIPTION),
        "choices": preferences.of(subscriber),
        "consent_log": _rows(Consent.objects.filter(subscriber=subscriber), CONSENT),
        "digests": _rows(Digest.objects.filter(subscriber=subscriber), DIGEST),
        "notices": _rows(Notice.objects.filter(subscriber=subscriber), NOTICE),
        "delivery_events": _rows(events_of(subscriber), EVENT),
    }


def request_link(subscriber: Subscriber, at: datetime) -> bool:
    """Queue the mail with the link to export and erasure; return False within an hour of one."""
    with transaction.atomic():
        if not throttle.allow(LINK_LIMIT, str(subscriber.pk), at):
            return False
        Notice.objects.create(
            kind=Notice.Kind.PRIVACY, subscriber=subscriber, expires_at=at + PRIVACY_LIFETIME
        )
    return True


def erase(subscriber: Subscriber) -> None:
    """Delete everything about this person but a keyed hash on the suppression list."""
    key = subscriber.email_key
    with transaction.atomic():
        if not Subscriber.objects.select_for_update().filter(pk=subscriber.pk).exists():
            return  # Somebody else has erased the same person at this moment.
        events_of(subscriber).delete()
        LogEntry.objects.filter(
            Q(content_type=ContentType.objects.get_for_model(Subscriber), object_id=subscriber.pk)
            | Q(object_repr__in=(subscriber.email, key))
        ).update(object_repr="erased address", change_message="")
        suppressions.of_address(key).delete()
        Suppression.objects.bulk_create(
            [
                Suppression(
                    address_hash=email_addresses.hash_of(key), reason=Suppression.Reason.ERASED
                )
            ],
            ignore_conflicts=True,
        )
        subscriber.delete()


def events_of(subscriber: Subscriber) -> QuerySet[DeliveryEvent]:
    """Return the provider events about this person's digests or address."""
    # As a list: with a join and a column in one condition, databases read the whole table.
    digests = list(Digest.objects.filter(subscriber=subscriber).order_by().values_list("pk"))
    return DeliveryEvent.objects.filter(
        Q(digest__in=[pk for (pk,) in digests]) | Q(email_key=subscriber.email_key)
    )


def _rows(rows: Iterable[Model], names: tuple[str, ...]) -> list[dict[str, Any]]:
    return [_fields(row, names) for row in rows]


def _fields(row: Model, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}
