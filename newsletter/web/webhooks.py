"""Receive provider events through Anymail's webhooks and store them as DeliveryEvent rows.

Anymail checks the caller's secret or signature. What a request is answered tells the provider what
to do: 200 when every event is stored, 503 to repeat the request later, 400 when it is malformed or
its secret is wrong, 404 for a provider that is not in use.
"""

from __future__ import annotations

import hashlib
import json
import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Final, NamedTuple

from anymail import urls as anymail_urls
from anymail.exceptions import AnymailWebhookValidationFailure
from anymail.signals import AnymailTrackingEvent, tracking
from anymail.webhooks.base import AnymailBasicAuthMixin
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, SuspiciousOperation
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError, DataError, InterfaceError, transaction
from django.dispatch import receiver
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.timezone import now

from newsletter.models import DeliveryEvent, Digest
from newsletter.security import email_addresses

log = logging.getLogger(__name__)

View = Callable[..., HttpResponse]
RETRY_AFTER_SECONDS: Final = "60"
# Endpoints whose name is not that of the backend.
ENDPOINT_OF_BACKEND: Final = {"sendinblue": "brevo"}
STORAGE_ERRORS: Final = (DatabaseError, InterfaceError)


class EventStorageError(Exception):
    """The database did not take the events of a request."""


class MalformedEventError(Exception):
    """A request holds an event that cannot be read or stored as it is."""


class ParsedEvent(NamedTuple):
    """An event as it will be stored, with the public id of its digest."""

    row: DeliveryEvent
    digest: uuid.UUID | None


@dataclass
class Batch:
    """The events of one request."""

    events: list[ParsedEvent] = field(default_factory=list)
    malformed: int = 0


_batch: Final[ContextVar[Batch | None]] = ContextVar("batch", default=None)


def urlpatterns() -> list[URLPattern]:
    """Return Anymail's endpoints, each wrapped by ``answering``."""
    return [
        URLPattern(
            one.pattern, answering(one.callback, str(one.pattern)), one.default_args, one.name
        )
        for one in anymail_urls.urlpatterns
    ]


def open_endpoints() -> set[str]:
    """Return the providers whose endpoints exist: the sending one and WEBHOOK_PROVIDERS."""
    backend = settings.EMAIL_BACKEND.rpartition(".")[0].rpartition(".")[2]
    named = {ENDPOINT_OF_BACKEND.get(name, name) for name in (backend, *settings.WEBHOOK_PROVIDERS)}
    return named & PROVIDERS


def _provider_of(route: str) -> str:
    return route.lstrip("^").partition("/")[0]


PROVIDERS: Final = frozenset(_provider_of(str(one.pattern)) for one in anymail_urls.urlpatterns)


def answering(view: View, route: str) -> View:
    """Return the view of an endpoint that answers every error with a status and stores at its end.

    One request may bring a thousand events, which are stored together.
    """
    provider = _provider_of(route)

    @wraps(view)
    def answer(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if provider not in open_endpoints() or "inbound" in route:
            raise Http404
        try:
            with _collecting() as batch:
                response = view(request, *args, **kwargs)
            _store(batch.events)
        except (EventStorageError, ImproperlyConfigured, ImportError, OSError) as error:
            log.error("Events of %s are refused until later: %s", provider, error)
            return HttpResponse(status=503, headers={"Retry-After": RETRY_AFTER_SECONDS})
        except SuspiciousOperation as error:
            log.warning("A request to the webhook of %s is refused: %s", provider, error)
            return HttpResponse(status=400)
        except Exception as error:  # noqa: BLE001 - Anymail's parsers raise what they like
            log.warning(
                "A request to the webhook of %s is malformed: %s", provider, type(error).__name__
            )
            return HttpResponse(status=400)
        return HttpResponse(status=400) if batch.malformed else response

    return answer


@contextmanager
def _collecting() -> Iterator[Batch]:
    batch = Batch()
    token = _batch.set(batch)
    try:
        yield batch
    finally:
        _batch.reset(token)


@receiver(tracking, dispatch_uid="newsletter.web.webhooks.receive")
def receive(
    sender: type[AnymailBasicAuthMixin], event: AnymailTrackingEvent, esp_name: str, **_: object
) -> None:
    """Take one event of Anymail; it is stored with the others of its request.

    Raises:
        AnymailWebhookValidationFailure: No secret is set, so that anybody could have sent it.
    """
    if not settings.LOCAL and accepts_anybody(sender):
        raise AnymailWebhookValidationFailure("ANYMAIL_WEBHOOK_SECRET is not set.")
    batch = _batch.get() or Batch()
    try:
        batch.events.append(parse(event, esp_name))
    except Exception as error:  # noqa: BLE001 - one odd event does not lose the others
        log.warning("An event of %s is malformed: %s", esp_name, type(error).__name__)
        batch.malformed += 1


def accepts_anybody(webhook: type[AnymailBasicAuthMixin]) -> bool:
    """Return whether this webhook has no secret, of which Anymail only warns."""
    view = webhook()
    return view.warn_if_no_basic_auth and not view.basic_auth


def _store(events: list[ParsedEvent]) -> None:
    """Store all events together, or singly when one of them is the reason why that fails.

    Raises:
        EventStorageError: The database cannot be used, or refuses what is no fault of the event.
        MalformedEventError: Some could not be stored; the others are.
    """
    if not events:
        return
    try:
        _insert(events)
    except (DataError, ValueError) as error:
        if len(events) == 1:
            raise MalformedEventError("The event does not fit into its columns.") from error
        _store_singly(events)
    except STORAGE_ERRORS as error:
        raise EventStorageError(type(error).__name__) from error


def _store_singly(events: list[ParsedEvent]) -> None:
    malformed: MalformedEventError | None = None
    for event in events:
        try:
            _store([event])
        except MalformedEventError as error:
            malformed = error
    if malformed is not None:
        raise malformed


def _insert(events: list[ParsedEvent]) -> None:
    named = {event.digest for event in events if event.digest}
    with transaction.atomic():
        digests = Digest.objects.only("public_id").in_bulk(list(named), field_name="public_id")
        for row, public_id in events:
            row.digest = digests.get(public_id) if public_id else None
        DeliveryEvent.objects.bulk_create([event.row for event in events], ignore_conflicts=True)


def parse(event: AnymailTrackingEvent, provider: str) -> ParsedEvent:
    """Return Anymail's event as a row that fits into its columns."""
    # PostgreSQL keeps no NUL, neither in text nor in JSON.
    written = json.dumps(event.esp_event, cls=DjangoJSONEncoder, default=str)
    payload = json.loads(written.replace("\\u0000", ""))
    recipient = _text(event.recipient, 254)
    texts = (event.description, event.mta_response)
    row = DeliveryEvent(
        provider=_text(provider, 32),
        event_key=_key(event, payload),
        type=_text(event.event_type, 32) or "unknown",
        recipient=recipient,
        email_key=email_addresses.key_of(recipient),
        provider_id=_text(event.message_id, 200),
        reject_reason=_text(event.reject_reason, 64),
        description=" ".join(_text(text) for text in texts if text),
        payload=payload if isinstance(payload, dict) else {"event": payload},
        occurred_at=event.timestamp or now(),
    )
    return ParsedEvent(row, _digest(event))


def _text(value: object, length: int | None = None) -> str:
    """Return a provider's text, cut to the length of its column."""
    return str(value or "").replace("\x00", "")[:length]


def _key(event: AnymailTrackingEvent, payload: Any) -> str:
    """Return the provider's own event id, or a hash of the payload."""
    if event.event_id and len(event.event_id) <= 64:
        return str(event.event_id)
    text = json.dumps(payload, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _digest(event: AnymailTrackingEvent) -> uuid.UUID | None:
    """Return the public id of the digest named by the metadata that we sent along."""
    try:
        return uuid.UUID(str((event.metadata or {}).get("digest", "")))
    except ValueError:
        return None
