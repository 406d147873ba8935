"""Act on stored provider events: settle digests, suppress addresses, count soft bounces."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.timezone import now

from newsletter.delivery import circuit_breakers, outbox
from newsletter.delivery.bounce_meanings import Meaning, meaning_of
from newsletter.delivery.circuit_breakers import BOUNCES
from newsletter.delivery.outbox import SMTP_ANSWER
from newsletter.models import DeliveryEvent, Digest, Subscriber, Suppression
from newsletter.security import email_addresses
from newsletter.subscriptions import privacy, suppressions
from newsletter.subscriptions import service as subscriptions
from newsletter.subscriptions.consent_log import ActionOrigin

log = logging.getLogger(__name__)

EVENTS_PER_TRANSACTION: Final = 100
DELETIONS_PER_TRANSACTION: Final = 1000
# Events that only a provider which accepted the message can report.
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
SOFT_BOUNCE_WEIGHT: Final = 0.5  # Points a day.
SOFT_BOUNCE_LIMIT: Final = 3.0  # Points at which an address is suppressed.
QUIET_PERIOD: Final = timedelta(days=30)  # Without soft bounces, after which counting starts anew.
# Of several reasons the gravest is kept, whichever came first.
LESSER_REASONS: Final[dict[str, tuple[str, ...]]] = {
    Suppression.Reason.COMPLAINT: (
        Suppression.Reason.HARD_BOUNCE,
        Suppression.Reason.SOFT_BOUNCES,
    ),
    Suppression.Reason.HARD_BOUNCE: (Suppression.Reason.SOFT_BOUNCES,),
    Suppression.Reason.SOFT_BOUNCES: (),
}
POLICY: Final = re.compile(circuit_breakers.POLICY)


def process(until: Callable[[], bool] = lambda: False) -> int:
    """Act on all unprocessed events, many in a transaction, and return how many there were."""
    done = 0
    while not until() and (acted := _process_batch()):
        done += acted
    return done


def _process_batch() -> int:
    with transaction.atomic():
        # Two processes take different events; on SQLite one waits for the other.
        waiting = DeliveryEvent.objects.select_for_update(of=("self",), skip_locked=True)
        waiting = waiting.filter(processed_at__isnull=True).select_related("digest__subscriber")
        events = list(waiting.order_by("pk")[:EVENTS_PER_TRANSACTION])
        for event in events:
            _process_event(event)
        DeliveryEvent.objects.filter(pk__in=[event.pk for event in events]).update(
            processed_at=now()
        )
        refused = [one for one in events if one.type in BOUNCES and POLICY.search(one.description)]
        for stream in {circuit_breakers.stream_of(event) for event in refused}:
            circuit_breakers.check_policy_refusals(stream, now())
    return len(events)


def _process_event(event: DeliveryEvent) -> None:
    """Act on one event; one that cannot be acted on is logged and does not stop the others."""
    try:
        with transaction.atomic():
            _act(event)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        subject = {"digest": event.digest_id} if event.digest_id else {}
        log.exception("Delivery event %s could not be acted on.", event.pk, extra=subject)


def _act(event: DeliveryEvent) -> None:
    digest = event.digest or _find_digest(event)
    if digest is not None and event.type in PROOF_OF_SENDING and event.provider != SMTP_ANSWER:
        outbox.confirm_sent(digest.pk, event.provider_id)
    person = digest.subscriber if digest is not None else _subscriber_of(event)
    match event.type:
        case "complained":
            _suppress(event, person, Suppression.Reason.COMPLAINT)
        case "bounced" | "rejected" | "failed":
            _bounce(event, person)
        case "delivered" if person is not None and _has_soft_bounces(person):
            _score(event, person)
        case "unsubscribed" if person is not None:
            _unsubscribe(event, person)


def _find_digest(event: DeliveryEvent) -> Digest | None:
    """Return the digest of an event without metadata, found by the provider's message id."""
    if not event.provider_id:
        return None
    known = Digest.objects.select_related("subscriber").filter(provider_id=event.provider_id)
    event.digest = known.first()
    if event.digest is not None:
        event.save(update_fields=["digest"])
    return event.digest


def _subscriber_of(event: DeliveryEvent) -> Subscriber | None:
    return Subscriber.objects.filter(email_key=event.email_key).first()


def _has_soft_bounces(person: Subscriber) -> bool:
    """Return whether a soft bounce is counted, read anew: earlier events of the batch may have."""
    return Subscriber.objects.filter(pk=person.pk, last_soft_bounce_at__isnull=False).exists()


def _bounce(event: DeliveryEvent, person: Subscriber | None) -> None:
    """Suppress after a hard bounce, count a soft one, and unsubscribe who asked the provider."""
    match meaning_of(event):
        case Meaning.HARD:
            _suppress(event, person, Suppression.Reason.HARD_BOUNCE)
        case Meaning.SOFT if person is not None:
            _score(event, person)
        case Meaning.LEAVING if person is not None:
            _unsubscribe(event, person)


def _unsubscribe(event: DeliveryEvent, person: Subscriber) -> None:
    subscriptions.unsubscribe(person, ActionOrigin(form=f"{event.provider} event"))


def _score(event: DeliveryEvent, person: Subscriber) -> None:
    """Count the soft bounces again from all stored events, so that their order does not matter.

    A delivery that is reported late may show that the limit was never reached.
    """
    events = privacy.events_of(person).filter(type__in=[*BOUNCES, "delivered"])
    score, highest, last = soft_bounce_score(events)
    Subscriber.objects.filter(pk=person.pk).update(
        soft_bounce_score=score, last_soft_bounce_at=last
    )
    if highest >= SOFT_BOUNCE_LIMIT:
        _suppress(event, person, Suppression.Reason.SOFT_BOUNCES)
    else:
        suppressions.lift_for(
            person, Suppression.Reason.SOFT_BOUNCES, ActionOrigin(f"{event.provider} event")
        )


def soft_bounce_score(events: Iterable[DeliveryEvent]) -> tuple[float, float, datetime | None]:
    """Return the present score, the highest, and the time of the last soft bounce that counted.

    A day with soft bounces adds SOFT_BOUNCE_WEIGHT; a delivery, or QUIET_PERIOD without any, resets
    the score to zero.
    """
    score, highest, last = 0.0, 0.0, None
    for event in sorted(events, key=lambda event: event.occurred_at):
        if event.type == "delivered":
            score = 0.0
        elif _counts(event, last):
            if last is not None and event.occurred_at - last > QUIET_PERIOD:
                score = 0.0
            score += SOFT_BOUNCE_WEIGHT
            highest = max(highest, score)
            last = event.occurred_at
    return score, highest, last


def _counts(event: DeliveryEvent, last: datetime | None) -> bool:
    """Return whether this is the first soft bounce of its day."""
    same_day = last is not None and event.occurred_at.date() == last.date()
    return not same_day and meaning_of(event) == Meaning.SOFT


def _suppress(event: DeliveryEvent, person: Subscriber | None, reason: str) -> None:
    """Suppress the address, for the gravest reason reported so far."""
    address = person.email if person is not None else event.recipient
    suppressions.suppress(address, reason, _answer(event))
    hashes = email_addresses.hashes_of(email_addresses.key_of(address))
    Suppression.objects.filter(address_hash__in=hashes, reason__in=LESSER_REASONS[reason]).update(
        reason=reason
    )


def delete_old_events(at: datetime) -> int:
    """Delete processed events older than EVENT_DAYS and return how many there were.

    Those of subscribers with soft bounces or a suppressed address stay: they are counted again.
    """
    if not settings.EVENT_DAYS:
        return 0
    counted = Subscriber.objects.filter(
        Q(soft_bounce_score__gt=0) | Q(status=Subscriber.Status.SUPPRESSED)
    )
    old = DeliveryEvent.objects.filter(
        ~Exists(counted.filter(email_key=OuterRef("email_key"))),
        ~Exists(counted.filter(pk=OuterRef("digest__subscriber"))),
        received_at__lt=at - timedelta(days=settings.EVENT_DAYS),
        processed_at__isnull=False,
    )
    deleted = 0
    # In portions, so that no other writer waits for long.
    while some := list(
        old.order_by("received_at").values_list("pk", flat=True)[:DELETIONS_PER_TRANSACTION]
    ):
        deleted += DeliveryEvent.objects.filter(pk__in=some).delete()[0]
    return deleted


def _answer(event: DeliveryEvent) -> str:
    """Return the words of the provider that a suppression is based on."""
    words = (event.provider, event.type, event.reject_reason, event.description)
    return " ".join(" ".join(words).split())
