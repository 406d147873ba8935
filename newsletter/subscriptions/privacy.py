"""Export and erasure of everything that is stored about a person (GDPR, articles 15 and 17)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Model, Q, QuerySet

from newsletter.models import (
    Consent,
    DeliveryEvent,
    Digest,
    Interest,
    Notice,
    Subscriber,
    Suppression,
    UnsubscribeToken,
)
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
    erase_many([subscriber.pk])


def erase_many(ids: Sequence[int]) -> None:
    """Erase these people, in one transaction; see ``erase``."""
    with transaction.atomic():
        # Who is missing was erased by somebody else at this moment.
        people = list(Subscriber.objects.select_for_update().filter(pk__in=ids).order_by("pk"))
        keys = [person.email_key for person in people]
        digests = Digest.objects.filter(subscriber__in=people).order_by().values("pk")
        DeliveryEvent.objects.filter(digest__in=digests).delete()
        DeliveryEvent.objects.filter(email_key__in=keys).delete()
        _delete_owned(people)
        _forget_in_audit_log(people)
        suppressions.of_address(*keys).delete()
        Suppression.objects.bulk_create(
            [
                Suppression(
                    address_hash=email_addresses.hash_of(key), reason=Suppression.Reason.ERASED
                )
                for key in keys
            ],
            ignore_conflicts=True,
        )
        Subscriber.objects.filter(pk__in=[person.pk for person in people]).delete()


def _delete_owned(people: Sequence[Subscriber]) -> None:
    """Delete the rows that go with these people, but for their events, a table in one statement.

    Django's cascade would read hundreds of digests of each first.
    """
    owned: tuple[type[Model], ...] = (Notice, Consent, Digest, Interest, UnsubscribeToken)
    for model in owned:
        rows = model._default_manager.filter(subscriber__in=people)
        rows._raw_delete(rows.db)  # noqa: SLF001 - delete() is the cascade


def _forget_in_audit_log(people: Sequence[Subscriber]) -> None:
    kind = ContentType.objects.get_for_model(Subscriber)
    names = {name for person in people for name in (person.email, person.email_key)}
    LogEntry.objects.filter(
        Q(content_type=kind, object_id__in=[str(person.pk) for person in people])
        | Q(object_repr__in=names)
    ).update(object_repr="erased address", change_message="")


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
