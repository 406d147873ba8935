"""Provider events, processed after they were stored: settle, suppress, score (RULES A14, A15)."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final, Literal

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.timezone import now

from newsletter.delivery import circuit_breakers, outbox
from newsletter.delivery.circuit_breakers import BOUNCES
from newsletter.delivery.outbox import SMTP_ANSWER
from newsletter.models import DeliveryEvent, Digest, Subscriber, Suppression
from newsletter.security import email_addresses
from newsletter.subscriptions import privacy
from newsletter.subscriptions import service as subscriptions

log = logging.getLogger(__name__)

BATCH: Final = 100
FORGOTTEN_AT_ONCE: Final = 1000
# Whoever tells us what became of a message has had it.
PROOF_OF_SENDING: Final = frozenset(
    {
        "autoresponded",
        "bounced",
        "clicked",
        "complained",
        "deferred",
        "delivered",
        "opened",
        "queued",
        "sent",
        "unsubscribed",
    }
)
SOFT_BOUNCE_WEIGHT: Final = 0.5
SOFT_BOUNCE_LIMIT: Final = 3.0
QUIET_DAYS: Final = timedelta(days=30)
HARD_REASONS: Final = frozenset({"bounced", "invalid"})
# Of several reasons the gravest is kept, whichever came first.
LESSER_REASONS: Final[dict[str, tuple[str, ...]]] = {
    Suppression.Reason.COMPLAINT: (
        Suppression.Reason.HARD_BOUNCE,
        Suppression.Reason.SOFT_BOUNCES,
    ),
    Suppression.Reason.HARD_BOUNCE: (Suppression.Reason.SOFT_BOUNCES,),
    Suppression.Reason.SOFT_BOUNCES: (),
}
# Enhanced status codes (RFC 3463): 5.7.x is about us, 4.x.x may pass.
POLICY: Final = re.compile(circuit_breakers.POLICY)
TRANSIENT: Final = re.compile(r"\b4\.\d{1,3}\.\d{1,3}\b")
BOUNCE_TYPE_FIELDS: Final = ("Type", "type", "bounceType", "event", "severity", "bounce_type")
SOFT_WORDS: Final = ("soft", "transient", "temporary")


def process(until: Callable[[], bool] = lambda: False) -> int:
    """Act on all stored events, many in a transaction; the same event twice acts once."""
    done = 0
    while not until() and (acted := _process_batch()):
        done += acted
    return done


def _process_batch() -> int:
    with transaction.atomic():
        # Two readers at once take different events; on SQLite one waits for the other.
        waiting = DeliveryEvent.objects.select_for_update(of=("self",), skip_locked=True)
        waiting = waiting.filter(processed_at__isnull=True).select_related("digest__subscriber")
        events = list(waiting.order_by("pk")[:BATCH])
        for event in events:
            _attempt(event)
        DeliveryEvent.objects.filter(pk__in=[event.pk for event in events]).update(
            processed_at=now()
        )
        refused = [one for one in events if one.type in BOUNCES and POLICY.search(one.description)]
        for stream in {circuit_breakers.stream_of(event) for event in refused}:
            circuit_breakers.weigh_refusals(stream, now())
    return len(events)


def _attempt(event: DeliveryEvent) -> None:
    """Act on one event; one that cannot be acted on is logged and does not stop the others."""
    try:
        with transaction.atomic():
            _act(event)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("Delivery event %s could not be acted on.", event.pk)


def _act(event: DeliveryEvent) -> None:
    digest = event.digest or _adopt(event)
    if digest is not None and event.type in PROOF_OF_SENDING and event.provider != SMTP_ANSWER:
        outbox.confirm_sent(digest.pk, event.provider_id)
    person = digest.subscriber if digest is not None else _person_of(event)
    match event.type:
        case "complained":
            _suppress(event, person, Suppression.Reason.COMPLAINT)
        case "bounced" | "rejected" | "failed":
            _bounce(event, person)
        case "delivered" if person is not None and _has_bounced(person):
            _score(event, person)
        case "unsubscribed" if person is not None:
            subscriptions.unsubscribe(
                person, subscriptions.ActionOrigin(form=f"{event.provider} event")
            )


def _adopt(event: DeliveryEvent) -> Digest | None:
    """The digest of an event that brought no metadata along, found by the provider's id of it."""
    if not event.provider_id:
        return None
    known = Digest.objects.select_related("subscriber").filter(provider_id=event.provider_id)
    event.digest = known.first()
    if event.digest is not None:
        event.save(update_fields=["digest"])
    return event.digest


def _person_of(event: DeliveryEvent) -> Subscriber | None:
    return Subscriber.objects.filter(email_key=event.email_key).first()


def _has_bounced(person: Subscriber) -> bool:
    """As the events before this one left it, not as it was read together with them."""
    return Subscriber.objects.filter(pk=person.pk, last_soft_bounce_at__isnull=False).exists()


def _bounce(event: DeliveryEvent, person: Subscriber | None) -> None:
    """A hard bounce suppresses at once, soft ones add up, a policy refusal is not their fault."""
    match weight(event):
        case "hard":
            _suppress(event, person, Suppression.Reason.HARD_BOUNCE)
        case "soft" if person is not None:
            _score(event, person)


def weight(event: DeliveryEvent) -> Literal["policy", "hard", "soft"]:
    """What a bounce says: about us, about an address that is not there, or about today."""
    if POLICY.search(event.description):
        return "policy"
    return "hard" if event.reject_reason in HARD_REASONS and not is_soft(event) else "soft"


def is_soft(event: DeliveryEvent) -> bool:
    """Whether a bounce may pass: its status code is 4.x.x (RFC 3463), or its provider says so.

    Anymail's reject reason is ``bounced`` for both kinds, so the provider's own word is read.
    """
    if TRANSIENT.search(event.description):
        return True
    nested = event.payload.get("bounce")
    details = [event.payload, nested] if isinstance(nested, dict) else [event.payload]
    said = [str(detail.get(name, "")) for detail in details for name in BOUNCE_TYPE_FIELDS]
    return any(word in value.lower() for value in said for word in SOFT_WORDS)


def _score(event: DeliveryEvent, person: Subscriber) -> None:
    """Count the soft bounces again from all that is stored, so that no order matters.

    A delivery that is reported late may show that the limit was never reached.
    """
    told = privacy.events_of(person).filter(type__in=[*BOUNCES, "delivered"])
    score, highest, last = soft_bounce_score(told)
    Subscriber.objects.filter(pk=person.pk).update(
        soft_bounce_score=score, last_soft_bounce_at=last
    )
    if highest >= SOFT_BOUNCE_LIMIT:
        _suppress(event, person, Suppression.Reason.SOFT_BOUNCES)
    else:
        subscriptions.lift_suppression(person, Suppression.Reason.SOFT_BOUNCES)


def soft_bounce_score(events: Iterable[DeliveryEvent]) -> tuple[float, float, datetime | None]:
    """Half a point for each day with a soft bounce: now, at its highest, and the last such day.

    A delivery or thirty quiet days start again from nothing.
    """
    score, highest, last = 0.0, 0.0, None
    for event in sorted(events, key=lambda event: event.occurred_at):
        if event.type == "delivered":
            score = 0.0
        elif weight(event) == "soft" and (last is None or event.occurred_at.date() != last.date()):
            if last is not None and event.occurred_at - last > QUIET_DAYS:
                score = 0.0
            score += SOFT_BOUNCE_WEIGHT
            highest = max(highest, score)
            last = event.occurred_at
    return score, highest, last


def _suppress(event: DeliveryEvent, person: Subscriber | None, reason: str) -> None:
    """Suppress the address, for the gravest reason that was ever reported."""
    address = person.email if person is not None else event.recipient
    subscriptions.suppress(address, reason)
    hashes = email_addresses.hashes_of(email_addresses.key_of(address))
    Suppression.objects.filter(address_hash__in=hashes, reason__in=LESSER_REASONS[reason]).update(
        reason=reason
    )


def forget(at: datetime) -> int:
    """Delete what was told more than EVENT_DAYS ago and acted on; returns how many events.

    What was told of people with soft bounces or a suppressed address stays: they are judged by it.
    """
    if not settings.EVENT_DAYS:
        return 0
    judged = Subscriber.objects.filter(
        Q(soft_bounce_score__gt=0) | Q(status=Subscriber.Status.SUPPRESSED)
    )
    old = DeliveryEvent.objects.filter(
        ~Exists(judged.filter(email_key=OuterRef("email_key"))),
        ~Exists(judged.filter(pk=OuterRef("digest__subscriber"))),
        received_at__lt=at - timedelta(days=settings.EVENT_DAYS),
        processed_at__isnull=False,
    )
    forgotten = 0
    # In portions, so that nobody who writes has to wait for long.
    while some := list(
        old.order_by("received_at").values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE]
    ):
        forgotten += DeliveryEvent.objects.filter(pk__in=some).delete()[0]
    return forgotten
