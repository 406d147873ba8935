"""Provider events, processed after they were stored: settle, suppress, score (RULES A14, A15)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils.timezone import now

from newsletter import addresses, delivery, subscriptions
from newsletter.models import DeliveryEvent, Digest, Subscriber, Suppression

log = logging.getLogger(__name__)

CHUNK: Final = 200
PROOF_OF_SENDING: Final = frozenset({"sent", "delivered", "opened", "clicked", "complained"})
SOFT_BOUNCE_WEIGHT: Final = 0.5
SOFT_BOUNCE_LIMIT: Final = 3.0
QUIET_DAYS: Final = timedelta(days=30)
POLICY_PREFIX: Final = "5.7."


def process(until: Callable[[], bool] = lambda: False) -> int:
    """Act on stored events, each in its own transaction; the same event twice acts once."""
    done = 0
    waiting = DeliveryEvent.objects.filter(processed_at__isnull=True).order_by("pk")
    for pk in list(waiting.values_list("pk", flat=True)[:CHUNK]):
        if until():
            break
        with transaction.atomic():
            taken = DeliveryEvent.objects.filter(pk=pk, processed_at__isnull=True).update(
                processed_at=now()
            )
            if taken:
                _act(DeliveryEvent.objects.select_related("digest__subscriber").get(pk=pk))
                done += 1
    return done


def _act(event: DeliveryEvent) -> None:
    digest = event.digest or _digest_of(event)
    if digest is not None and event.type in PROOF_OF_SENDING:
        delivery.confirm_sent(digest.pk, event.provider_id)
    person = digest.subscriber if digest is not None else _person_of(event)
    match event.type:
        case "complained":
            _suppress(event, person, Suppression.Reason.COMPLAINT)
        case "bounced" | "rejected" | "failed":
            _bounce(event, person)
        case "delivered" if person is not None:
            Subscriber.objects.filter(pk=person.pk).update(soft_bounce_score=0.0)
        case "unsubscribed" if person is not None:
            subscriptions.unsubscribe(person, subscriptions.Origin(form=f"{event.provider} event"))


def _digest_of(event: DeliveryEvent) -> Digest | None:
    if not event.provider_id:
        return None
    found = Digest.objects.select_related("subscriber").filter(provider_id=event.provider_id)
    return found.first()


def _person_of(event: DeliveryEvent) -> Subscriber | None:
    try:
        key = addresses.parse(event.recipient).key
    except addresses.AddressError:
        return None
    return Subscriber.objects.filter(email_key=key).first()


def _bounce(event: DeliveryEvent, person: Subscriber | None) -> None:
    """A hard bounce suppresses at once, soft ones add up, a policy refusal is not their fault."""
    if POLICY_PREFIX in event.description:
        delivery.pause("digests", f"The receiving side refuses us: {event.description[:200]}")
        return
    if event.reject_reason in {"bounced", "invalid"}:
        _suppress(event, person, Suppression.Reason.HARD_BOUNCE)
    elif person is not None:
        _score(event, person)


def _score(event: DeliveryEvent, person: Subscriber) -> None:
    """Half a point for a day with a soft bounce; thirty quiet days start again from nothing."""
    last = person.last_soft_bounce_at
    if last is not None and last.date() == event.occurred_at.date():
        return
    quiet = last is None or event.occurred_at - last > QUIET_DAYS
    score = SOFT_BOUNCE_WEIGHT + (0.0 if quiet else person.soft_bounce_score)
    Subscriber.objects.filter(pk=person.pk).update(
        soft_bounce_score=score, last_soft_bounce_at=event.occurred_at
    )
    if score >= SOFT_BOUNCE_LIMIT:
        _suppress(event, person, Suppression.Reason.SOFT_BOUNCES)


def _suppress(event: DeliveryEvent, person: Subscriber | None, reason: str) -> None:
    address = person.email if person is not None else event.recipient
    subscriptions.suppress(address, reason)
