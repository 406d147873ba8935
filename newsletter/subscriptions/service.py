"""The states of a subscription: sign-up, confirmation, changes, pauses, end and suppression.

Only the database is touched here; mail that follows is a row that delivery finds. Every change
of status is one guarded statement, so that a second click changes nothing, and is logged in the
consent log.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.timezone import now

from newsletter.models import Consent, Digest, Notice, Subscriber, Suppression
from newsletter.security import email_addresses, throttle
from newsletter.security.email_addresses import Address
from newsletter.security.tokens import CONFIRM_LIFETIME, ExpiredTokenError
from newsletter.subscriptions import paper_requests, preferences, schedule
from newsletter.subscriptions.preferences import Choices

# What a person agrees to, as the confirmation page says it. A new wording needs a new version.
CONSENT_VERSION: Final = "1"
CONSENT_TEXT: Final = (
    "Yes, send me a digest of trending research papers at this address, as often as I choose. "
    "I can change, pause or stop it at any time with the links in every mail."
)
CONSENT_HASH: Final = hashlib.sha256(CONSENT_TEXT.encode()).hexdigest()
PENDING_LIFETIME: Final = timedelta(days=7)
LONGEST_PAUSE: Final = timedelta(days=31)
"""A pause with an end lasts at most so long; a longer one was stored by a wrong clock."""
CLOCK_TOLERANCE: Final = timedelta(days=1)
"""What was stored further ahead than this was stored by a wrong clock."""

Status = Subscriber.Status
Action = Consent.Action
WAITING: Final = (Digest.State.QUEUED, Digest.State.CLAIMED)
# The status that each action of the consent log leads to. An import is not among them: it may
# come without consent, and changes only the choices of a paused subscriber.
STATUS_AFTER: Final[dict[str, str]] = {
    Action.CONFIRM: Status.ACTIVE,
    Action.RESUME: Status.ACTIVE,
    Action.PAUSE: Status.PAUSED,
    Action.UNSUBSCRIBE: Status.UNSUBSCRIBED,
}


@dataclass(frozen=True)
class ActionOrigin:
    """The form or link by which an action was taken, with the request's IP and user agent."""

    form: str
    ip: str = ""
    user_agent: str = ""


def sign_up(address: Address, typed: str, choices: Choices, origin: ActionOrigin) -> None:
    """Record a request to subscribe this address; the answer goes there by mail.

    Does the same for an address that is new, pending, active, unsubscribed or suppressed, so
    that the answer's time tells nothing: ``delivery.rendering`` tells them apart later. An
    address that was written to within its rate limit gets nothing more.
    """
    moment = now()
    with transaction.atomic():
        if not throttle.allow_mail_to(address, moment):
            return
        Subscriber.objects.bulk_create(
            [Subscriber(email=address.email, email_key=address.key)], ignore_conflicts=True
        )
        subscriber = Subscriber.objects.get(email_key=address.key)
        consent = _log(subscriber, Action.SIGN_UP, origin, choices, typed=typed)
        Notice.objects.create(
            kind=Notice.Kind.CONFIRM,
            subscriber=subscriber,
            consent=consent,
            expires_at=consent.at + CONFIRM_LIFETIME,
        )


def confirm(request: Consent, origin: ActionOrigin) -> Subscriber:
    """Start the subscription that ``request`` asked for and make its first digest due at once.

    Confirming twice is the same as once.

    Raises:
        ExpiredTokenError: The request was rejected, was already used by somebody who has
            unsubscribed since, or the address is suppressed.
    """
    subscriber, moment = request.subscriber, now()
    if subscriber.status in {Status.ACTIVE, Status.PAUSED}:
        return subscriber
    require_open(request)
    with transaction.atomic():
        changed = Subscriber.objects.filter(
            pk=subscriber.pk, status__in=(Status.PENDING, Status.UNSUBSCRIBED)
        ).update(
            status=Status.ACTIVE,
            email=email_addresses.parse(request.email_as_typed or subscriber.email).email,
            confirmed_at=moment,
            consent_source=request.form,
            next_digest_at=moment,
            paused_until=None,
            soft_bounce_score=0.0,
        )
        subscriber.refresh_from_db()
        if changed:
            preferences.store(subscriber, _explicit_choices(request))
            if _has_digest_of_day(subscriber, moment):
                subscriber.next_digest_at = next_due(subscriber, moment)
                subscriber.save(update_fields=["next_digest_at"])
            paper_requests.request_papers(subscriber, moment)
            _log(subscriber, Action.CONFIRM, origin, {"request": request.pk})
    return subscriber


def _explicit_choices(request: Consent) -> Choices:
    """Return the choices of a request; its time zone is a browser's guess and never overrides."""
    choices = cast(Choices, dict(request.choices))
    if has_chosen_timezone(request.subscriber):
        choices.pop("timezone", None)
    return choices


def require_open(request: Consent) -> None:
    """Check that the request can still be confirmed.

    Raises:
        ExpiredTokenError: It can not: see ``confirm``.
    """
    if _is_spent(request) or is_suppressed(request.subscriber.email_key):
        raise ExpiredTokenError("This link has done its work and is no longer valid.")


def _is_spent(request: Consent) -> bool:
    """Return whether this request was confirmed or rejected before."""
    later = Consent.objects.filter(
        subscriber=request.subscriber_id, action__in=(Action.CONFIRM, Action.REJECT)
    )
    return later.filter(choices__request=request.pk).exists()


def reject_sign_up(request: Consent, origin: ActionOrigin) -> None:
    """Forget a request that the owner of the address did not make.

    An address that was never confirmed is deleted; an existing subscription stays as it is.
    """
    with transaction.atomic():
        unconfirmed = Subscriber.objects.filter(
            pk=request.subscriber_id, status=Status.PENDING, confirmed_at=None
        )
        if unconfirmed.delete()[0] or _is_spent(request):
            return
        _log(request.subscriber, Action.REJECT, origin, {"request": request.pk})


def change_preferences(subscriber: Subscriber, choices: Choices, origin: ActionOrigin) -> None:
    """Store the choices and move the next digest to the time that they now give."""
    moment = now()
    with transaction.atomic():
        preferences.store(subscriber, choices)
        paper_requests.request_papers(subscriber, moment)
        active = Subscriber.objects.filter(pk=subscriber.pk, status=Status.ACTIVE)
        # A digest that is due already stays due.
        active.exclude(next_digest_at__lte=moment).update(
            next_digest_at=next_due(subscriber, moment)
        )
        _log(subscriber, Action.CHANGE, origin, choices)
    subscriber.refresh_from_db()


def has_chosen_timezone(subscriber: Subscriber) -> bool:
    """Return whether this person ever chose a time zone, or still has the default."""
    chose_utc = subscriber.consents.filter(action=Action.CHANGE, choices__timezone="UTC")
    return subscriber.timezone != "UTC" or chose_utc.exists()


def has_choices(subscriber: Subscriber) -> bool:
    """Return whether this person has any interest or ever changed a setting."""
    changed = subscriber.consents.filter(action=Action.CHANGE)
    return subscriber.interests.exists() or changed.exists()


def pause(subscriber: Subscriber, until: datetime | None, origin: ActionOrigin) -> None:
    """Send nothing until that time, or until the subscriber resumes."""
    with transaction.atomic():
        paused = Subscriber.objects.filter(
            pk=subscriber.pk, status__in=(Status.ACTIVE, Status.PAUSED)
        ).update(status=Status.PAUSED, paused_until=until, next_digest_at=None)
        if paused:
            _cancel(subscriber, "The subscriber paused.")
            _log(subscriber, Action.PAUSE, origin, {"until": until and until.isoformat()})
    subscriber.refresh_from_db()


def resume(subscriber: Subscriber, origin: ActionOrigin) -> None:
    """Send again, from the next regular time on."""
    with transaction.atomic():
        if Subscriber.objects.filter(pk=subscriber.pk, status=Status.PAUSED).update(
            status=Status.ACTIVE, paused_until=None, next_digest_at=next_due(subscriber, now())
        ):
            _log(subscriber, Action.RESUME, origin)
    subscriber.refresh_from_db()


def correct_dates(at: datetime) -> int:
    """Correct due times and ends of pauses that a wrong clock stored too far ahead.

    Returns:
        The number of subscribers that were corrected.
    """
    corrected = 0
    for frequency, wait in schedule.LONGEST_WAIT.items():
        late = Subscriber.objects.filter(
            status=Status.ACTIVE, frequency=frequency, next_digest_at__gt=at + wait
        )
        for subscriber in late.iterator(chunk_size=500):
            corrected += Subscriber.objects.filter(
                pk=subscriber.pk, next_digest_at=subscriber.next_digest_at
            ).update(next_digest_at=next_due(subscriber, at))
    endless = Subscriber.objects.filter(status=Status.PAUSED, paused_until__gt=at + LONGEST_PAUSE)
    return corrected + endless.update(paused_until=at + LONGEST_PAUSE)


def resume_due(at: datetime, *, to: str = "") -> int:
    """Resume everybody whose pause is over, or only the one with the key ``to``; return a count."""
    over = Subscriber.objects.filter(status=Status.PAUSED, paused_until__lte=at)
    if to:
        over = over.filter(email_key=to)
    for subscriber in over:
        resume(subscriber, ActionOrigin("end of the pause"))
    return len(over)


def unsubscribe(subscriber: Subscriber, origin: ActionOrigin) -> None:
    """End a subscription and cancel what is queued; a suppressed address stays suppressed."""
    with transaction.atomic():
        if Subscriber.objects.filter(
            pk=subscriber.pk, status__in=(Status.PENDING, Status.ACTIVE, Status.PAUSED)
        ).update(status=Status.UNSUBSCRIBED, next_digest_at=None, paused_until=None):
            _cancel(subscriber, "The subscriber unsubscribed.")
            _log(subscriber, Action.UNSUBSCRIBE, origin)
    subscriber.refresh_from_db()


def is_suppressed(email_key: str) -> bool:
    """Return whether no mail may go to this address."""
    return Suppression.objects.filter(
        address_hash__in=email_addresses.hashes_of(email_key)
    ).exists()


def suppress(address: str, reason: str) -> None:
    """Send nothing to this address any more; ``reason`` is a Suppression.Reason."""
    key = email_addresses.key_of(address)
    with transaction.atomic():
        if not is_suppressed(key):
            Suppression.objects.bulk_create(
                [
                    Suppression(
                        address_hash=email_addresses.hash_of(key), email_key=key, reason=reason
                    )
                ],
                ignore_conflicts=True,
            )
        for subscriber in Subscriber.objects.filter(email_key=key):
            Subscriber.objects.filter(pk=subscriber.pk).update(
                status=Status.SUPPRESSED, next_digest_at=None, paused_until=None
            )
            _cancel(subscriber, "The address is suppressed.")
            Notice.objects.filter(subscriber=subscriber, state__in=WAITING).update(
                state=Notice.State.CANCELLED, lease="", reason="The address is suppressed."
            )


def lift_suppression(subscriber: Subscriber, reason: str) -> None:
    """Delete a suppression of that reason and restore the status that the reader chose last."""
    hashes = email_addresses.hashes_of(subscriber.email_key)
    with transaction.atomic():
        if not Suppression.objects.filter(address_hash__in=hashes, reason=reason).delete()[0]:
            return
        last = subscriber.consents.filter(action__in=STATUS_AFTER).order_by("-pk").first()
        default = Status.ACTIVE if subscriber.confirmed_at else Status.PENDING
        status = STATUS_AFTER[last.action] if last else default
        until = last.choices.get("until") if last and status == Status.PAUSED else None
        Subscriber.objects.filter(pk=subscriber.pk, status=Status.SUPPRESSED).update(
            status=status,
            paused_until=until and datetime.fromisoformat(until),
            next_digest_at=next_due(subscriber, now()) if status == Status.ACTIVE else None,
        )


def clean_up(at: datetime) -> int:
    """Delete requests that were not confirmed within a week, and old rate limit counters.

    Returns:
        The number of subscribers deleted.
    """
    start = at - PENDING_LIFETIME
    believable = (start, at + CLOCK_TOLERANCE)
    recent = Consent.objects.filter(subscriber=OuterRef("pk"), at__range=believable)
    forgotten = Subscriber.objects.filter(
        ~Exists(recent), status=Status.PENDING, confirmed_at=None
    ).exclude(created_at__range=believable)
    throttle.forget(at)
    return forgotten.delete()[1].get("newsletter.Subscriber", 0)


def next_due(subscriber: Subscriber, after: datetime) -> datetime:
    """Return when the next digest after that time is due, on a day that has had none."""
    if _has_digest_of_day(subscriber, after):
        day = schedule.due_day(after, subscriber.timezone)
        after = schedule.end_of(day, subscriber.timezone)
    return regular_due(subscriber, after)


def _has_digest_of_day(subscriber: Subscriber, moment: datetime) -> bool:
    """Return whether the subscriber's own day at that moment has a digest already."""
    day = schedule.due_day(moment, subscriber.timezone)
    return Digest.objects.filter(subscriber=subscriber, due_on=day).exists()


def regular_due(subscriber: Subscriber, after: datetime) -> datetime:
    """Return the first due time after that moment by the subscriber's settings alone."""
    return schedule.next_due(
        frequency=subscriber.frequency,
        weekday=subscriber.weekday,
        hour=subscriber.hour,
        timezone=subscriber.timezone,
        after=after,
    )


def _cancel(subscriber: Subscriber, reason: str) -> None:
    """Cancel the digests whose sending has not begun."""
    Digest.objects.filter(subscriber=subscriber, state__in=WAITING).update(
        state=Digest.State.CANCELLED, lease="", lease_until=None, reason=reason
    )


def _log(
    subscriber: Subscriber,
    action: str,
    origin: ActionOrigin,
    choices: Choices | dict[str, Any] | None = None,
    *,
    typed: str = "",
) -> Consent:
    """Add a line to the consent log."""
    return Consent.objects.create(
        subscriber=subscriber,
        action=action,
        email_as_typed=typed[:254],
        form=origin.form[:200],
        text_version=CONSENT_VERSION,
        text_hash=CONSENT_HASH,
        choices=choices or {},
        ip_truncated=throttle.truncated(origin.ip),
        user_agent=origin.user_agent[:300],
    )
