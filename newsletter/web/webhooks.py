"""Anymail's tracking signal -> a stored DeliveryEvent.

Anymail has checked the caller's secret or signature; where neither is set, nobody is believed.
"""

from __future__ import annotations

import hashlib
import json
import logging
import uuid
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any, Final, NamedTuple

from anymail.exceptions import AnymailWebhookValidationFailure
from anymail.signals import AnymailTrackingEvent, tracking
from anymail.webhooks.base import AnymailBasicAuthMixin
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils.timezone import now

from newsletter.models import DeliveryEvent, Digest
from newsletter.security import email_addresses

log = logging.getLogger(__name__)

View = Callable[..., HttpResponse]


class Told(NamedTuple):
    """An event as it will be stored, and the public id of its digest, which is looked up then."""

    row: DeliveryEvent
    digest: uuid.UUID | None


_gathered: Final[ContextVar[list[Told] | None]] = ContextVar("gathered", default=None)


def stored_together(view: View) -> View:
    """A webhook whose events, of which a request may bring a thousand, are stored at its end."""

    @wraps(view)
    def gathering(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        events: list[Told] = []
        token = _gathered.set(events)
        try:
            return view(request, *args, **kwargs)
        finally:
            _gathered.reset(token)
            _keep(events)

    return gathering


@receiver(tracking, dispatch_uid="newsletter.web.webhooks.store")
def store(
    sender: type[AnymailBasicAuthMixin], event: AnymailTrackingEvent, esp_name: str, **_: object
) -> None:
    """Keep the event as it came, once; acting on it is the sweep's work.

    Raises AnymailWebhookValidationFailure (answered with 400) when anybody could have sent it,
    and nothing else: a provider that gets an error disables the webhook.
    """
    if not settings.LOCAL and is_open(sender):
        log.error("An event from %s is refused: ANYMAIL_WEBHOOK_SECRET is not set.", esp_name)
        raise AnymailWebhookValidationFailure("This service has no webhook secret.")
    try:
        told = _told(event, esp_name)
    except Exception:
        log.exception("An event from %s could not be read.", esp_name)
        return
    gathered = _gathered.get()
    if gathered is None:
        _keep([told])
    else:
        gathered.append(told)


def is_open(webhook: type[AnymailBasicAuthMixin]) -> bool:
    """Does this webhook take events from anybody? Anymail then only warns."""
    door = webhook()
    return door.warn_if_no_basic_auth and not door.basic_auth


def _keep(events: list[Told]) -> None:
    """Store all in one go, or each by itself if that cannot be; never raises."""
    if not events:
        return
    try:
        _insert(events)
    except Exception:
        log.exception("Events could not be stored together.")
        if len(events) > 1:
            for told in events:
                _keep([told])


def _insert(events: list[Told]) -> None:
    named = {told.digest for told in events if told.digest}
    with transaction.atomic():
        digests = Digest.objects.only("public_id").in_bulk(list(named), field_name="public_id")
        for row, public_id in events:
            row.digest = digests.get(public_id) if public_id else None
        DeliveryEvent.objects.bulk_create([told.row for told in events], ignore_conflicts=True)


def _told(event: AnymailTrackingEvent, provider: str) -> Told:
    # PostgreSQL keeps no NUL, neither in text nor in JSON.
    written = json.dumps(event.esp_event, cls=DjangoJSONEncoder, default=str)
    payload = json.loads(written.replace("\\u0000", ""))
    recipient = _text(event.recipient, 254)
    said = (event.description, event.mta_response)
    row = DeliveryEvent(
        provider=_text(provider, 32),
        event_key=_key(event, payload),
        type=_text(event.event_type, 32) or "unknown",
        recipient=recipient,
        email_key=email_addresses.key_of(recipient),
        provider_id=_text(event.message_id, 200),
        reject_reason=_text(event.reject_reason, 64),
        description=" ".join(_text(part) for part in said if part),
        payload=payload if isinstance(payload, dict) else {"event": payload},
        occurred_at=event.timestamp or now(),
    )
    return Told(row, _digest(event))


def _text(value: object, length: int | None = None) -> str:
    """What a provider wrote, as far as a column takes it."""
    return str(value or "").replace("\x00", "")[:length]


def _key(event: AnymailTrackingEvent, payload: Any) -> str:
    """The provider's own event id, or a hash of what it sent."""
    if event.event_id and len(event.event_id) <= 64:
        return str(event.event_id)
    text = json.dumps(payload, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _digest(event: AnymailTrackingEvent) -> uuid.UUID | None:
    """The public id of the digest named by the metadata that we sent along."""
    try:
        return uuid.UUID(str((event.metadata or {}).get("digest", "")))
    except ValueError:
        return None
