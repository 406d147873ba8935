"""Anymail's tracking signal -> a stored DeliveryEvent.

Anymail has checked the caller's secret or signature; where neither is set, nobody is believed.
"""

from __future__ import annotations

import hashlib
import json
import logging
import uuid
from typing import Any

from anymail.exceptions import AnymailWebhookValidationFailure
from anymail.signals import AnymailTrackingEvent, tracking
from anymail.webhooks.base import AnymailBasicAuthMixin
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.dispatch import receiver
from django.utils.timezone import now

from newsletter.models import DeliveryEvent, Digest

log = logging.getLogger(__name__)


@receiver(tracking, dispatch_uid="newsletter.webhooks.store")
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
        _store(event, esp_name)
    except Exception:
        log.exception("An event from %s could not be stored.", esp_name)


def is_open(webhook: type[AnymailBasicAuthMixin]) -> bool:
    """Does this webhook take events from anybody? Anymail then only warns."""
    door = webhook()
    return door.warn_if_no_basic_auth and not door.basic_auth


def _store(event: AnymailTrackingEvent, provider: str) -> None:
    # PostgreSQL keeps no NUL, neither in text nor in JSON.
    written = json.dumps(event.esp_event, cls=DjangoJSONEncoder, default=str)
    payload = json.loads(written.replace("\\u0000", ""))
    DeliveryEvent.objects.bulk_create(
        [
            DeliveryEvent(
                provider=_text(provider, 32),
                event_key=_key(event, payload),
                type=_text(event.event_type, 32) or "unknown",
                recipient=_text(event.recipient, 254),
                provider_id=_text(event.message_id, 200),
                digest=_digest(event),
                reject_reason=_text(event.reject_reason, 64),
                description=" ".join(
                    _text(part) for part in (event.description, event.mta_response) if part
                ),
                payload=payload if isinstance(payload, dict) else {"event": payload},
                occurred_at=event.timestamp or now(),
            )
        ],
        ignore_conflicts=True,
    )


def _text(value: object, length: int | None = None) -> str:
    """What a provider wrote, as far as a column takes it."""
    return str(value or "").replace("\x00", "")[:length]


def _key(event: AnymailTrackingEvent, payload: Any) -> str:
    """The provider's own event id, or a hash of what it sent."""
    if event.event_id and len(event.event_id) <= 64:
        return str(event.event_id)
    text = json.dumps(payload, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _digest(event: AnymailTrackingEvent) -> Digest | None:
    """The digest named by the metadata that we sent along."""
    try:
        public_id = uuid.UUID(str((event.metadata or {}).get("digest", "")))
    except ValueError:
        return None
    return Digest.objects.filter(public_id=public_id).first()
