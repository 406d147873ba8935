"""The life of a subscription, from the request to the last trace of it.

The database is the only thing touched here: whatever mail follows is a row that delivery finds.
Every change of status is one guarded statement, so a second click changes nothing, and every
change is a line in the consent log.
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
from newsletter.security.tokens import CONFIRM_LIFETIME, TokenExpired
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

Status = Subscriber.Status
Action = Consent.Action
WAITING: Final = (Digest.State.QUEUED, Digest.State.CLAIMED)
# What a line of the consent log makes of a subscription. That of an import says nothing: it may
# come without consent, and changes no more than the choices of whoever is paused.
WISHES: Final[dict[str, str]] = {
    Action.CONFIRM: Status.ACTIVE,
    Action.RESUME: Status.ACTIVE,
    Action.PAUSE: Status.PAUSED,
    Action.UNSUBSCRIBE: Status.UNSUBSCRIBED,
}


@dataclass(frozen=True)
class Origin:
    """Where an action came from: the form or link, and the request's full IP and user agent."""

    form: str
    ip: str = ""
    user_agent: str = ""


def sign_up(address: Address, typed: str, wishes: Choices, origin: Origin) -> None:
    """Note that somebody asked to subscribe this address; the answer goes there by mail.

    Does the same for an address that is new, pending, active, unsubscribed or suppressed:
    ``answer`` tells them apart later, where nobody can watch (RULES C23). An address that was
    written to a moment ago gets nothing more.
    """
    moment = now()
    with transaction.atomic():
        if not throttle.allow_mail_to(address, moment):
            return
        Subscriber.objects.bulk_create(
            [Subscriber(email=address.email, email_key=address.key)], ignore_conflicts=True
        )
        subscriber = Subscriber.objects.get(email_key=address.key)
        consent = _log(subscriber, Action.SIGN_UP, origin, wishes, typed=typed)
        Notice.objects.create(
            kind=Notice.Kind.CONFIRM,
            subscriber=subscriber,
            consent=consent,
            expires_at=consent.at + CONFIRM_LIFETIME,
        )


def confirm(request: Consent, origin: Origin) -> Subscriber:
    """Start the subscription that ``request`` asked for and make its first digest due at once.

    Confirming twice is the same as once. Raises TokenExpired when the request was disowned, was
    already used by somebody who has unsubscribed since, or the address is suppressed.
    """
    subscriber, moment = request.subscriber, now()
    if subscriber.status in {Status.ACTIVE, Status.PAUSED}:
        return subscriber
    require_open(request)
    with transaction.atomic():
        won = Subscriber.objects.filter(
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
        if won:
            preferences.take(subscriber, _said_aloud(request))
            if _was_served(subscriber, moment):
                subscriber.next_digest_at = next_due(subscriber, moment)
                subscriber.save(update_fields=["next_digest_at"])
            paper_requests.seek(subscriber, moment)
            _log(subscriber, Action.CONFIRM, origin, {"request": request.pk})
    return subscriber


def _said_aloud(request: Consent) -> Choices:
    """What was asked for; of a time zone the sign-up form has only a guess that nobody saw."""
    said = cast(Choices, dict(request.choices))
    if chose_timezone(request.subscriber):
        said.pop("timezone", None)
    return said


def require_open(request: Consent) -> None:
    """Raise TokenExpired when the request can no longer be confirmed: see ``confirm``."""
    if _is_spent(request) or is_suppressed(request.subscriber.email_key):
        raise TokenExpired("This link has done its work and is no longer valid.")


def _is_spent(request: Consent) -> bool:
    """Was this request confirmed or disowned before?"""
    later = Consent.objects.filter(
        subscriber=request.subscriber_id, action__in=(Action.CONFIRM, Action.DISOWN)
    )
    return later.filter(choices__request=request.pk).exists()


def disown(request: Consent, origin: Origin) -> None:
    """Somebody signed up an address that is not theirs: forget the request.

    An address that was never confirmed is forgotten altogether; a subscription stays as it is.
    """
    with transaction.atomic():
        never = Subscriber.objects.filter(
            pk=request.subscriber_id, status=Status.PENDING, confirmed_at=None
        )
        if never.delete()[0] or _is_spent(request):
            return
        _log(request.subscriber, Action.DISOWN, origin, {"request": request.pk})


def change_preferences(subscriber: Subscriber, wishes: Choices, origin: Origin) -> None:
    """Store what was chosen and move the next digest to where it now belongs."""
    moment = now()
    with transaction.atomic():
        preferences.take(subscriber, wishes)
        paper_requests.seek(subscriber, moment)
        waiting = Subscriber.objects.filter(pk=subscriber.pk, status=Status.ACTIVE)
        # One that is due already is on its way and stays so.
        waiting.exclude(next_digest_at__lte=moment).update(
            next_digest_at=next_due(subscriber, moment)
        )
        _log(subscriber, Action.CHANGE, origin, wishes)
    subscriber.refresh_from_db()


def chose_timezone(subscriber: Subscriber) -> bool:
    """Did this person ever name a time zone, or is it the one that everybody starts with?"""
    named = subscriber.consents.filter(action=Action.CHANGE, choices__timezone="UTC")
    return subscriber.timezone != "UTC" or named.exists()


def chose_anything(subscriber: Subscriber) -> bool:
    """Did this person ever say what they read, or change anything?"""
    changed = subscriber.consents.filter(action=Action.CHANGE)
    return subscriber.interests.exists() or changed.exists()


def pause(subscriber: Subscriber, until: datetime | None, origin: Origin) -> None:
    """Send nothing until that time, or until the subscriber resumes."""
    with transaction.atomic():
        paused = Subscriber.objects.filter(
            pk=subscriber.pk, status__in=(Status.ACTIVE, Status.PAUSED)
        ).update(status=Status.PAUSED, paused_until=until, next_digest_at=None)
        if paused:
            _cancel(subscriber, "The subscriber paused.")
            _log(subscriber, Action.PAUSE, origin, {"until": until and until.isoformat()})
    subscriber.refresh_from_db()


def resume(subscriber: Subscriber, origin: Origin) -> None:
    """Send again, from the next regular time on."""
    with transaction.atomic():
        if Subscriber.objects.filter(pk=subscriber.pk, status=Status.PAUSED).update(
            status=Status.ACTIVE, paused_until=None, next_digest_at=next_due(subscriber, now())
        ):
            _log(subscriber, Action.RESUME, origin)
    subscriber.refresh_from_db()


def resume_due(at: datetime, *, to: str = "") -> int:
    """Resume everybody whose pause is over, or only the one with the key ``to``; how many."""
    over = Subscriber.objects.filter(status=Status.PAUSED, paused_until__lte=at)
    if to:
        over = over.filter(email_key=to)
    for subscriber in over:
        resume(subscriber, Origin("end of the pause"))
    return len(over)


def unsubscribe(subscriber: Subscriber, origin: Origin) -> None:
    """Stop for good: at once, and also what is queued. A suppressed address stays suppressed."""
    with transaction.atomic():
        if Subscriber.objects.filter(
            pk=subscriber.pk, status__in=(Status.PENDING, Status.ACTIVE, Status.PAUSED)
        ).update(status=Status.UNSUBSCRIBED, next_digest_at=None, paused_until=None):
            _cancel(subscriber, "The subscriber unsubscribed.")
            _log(subscriber, Action.UNSUBSCRIBE, origin)
    subscriber.refresh_from_db()


def is_suppressed(email_key: str) -> bool:
    """May this address never be written to?"""
    return Suppression.objects.filter(
        address_hash__in=email_addresses.hashes_of(email_key)
    ).exists()


def suppress(address: str, reason: str) -> None:
    """Never write to this address again, whoever asks; ``reason`` is a Suppression.Reason."""
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


def forgive(subscriber: Subscriber, reason: str) -> None:
    """Take back a suppression whose reason proved wrong: all is as the reader last wanted it."""
    hashes = email_addresses.hashes_of(subscriber.email_key)
    with transaction.atomic():
        if not Suppression.objects.filter(address_hash__in=hashes, reason=reason).delete()[0]:
            return
        said = subscriber.consents.filter(action__in=WISHES).order_by("-pk").first()
        never_asked = Status.ACTIVE if subscriber.confirmed_at else Status.PENDING
        status = WISHES[said.action] if said else never_asked
        until = said.choices.get("until") if said and status == Status.PAUSED else None
        Subscriber.objects.filter(pk=subscriber.pk, status=Status.SUPPRESSED).update(
            status=status,
            paused_until=until and datetime.fromisoformat(until),
            next_digest_at=next_due(subscriber, now()) if status == Status.ACTIVE else None,
        )


def clean_up(at: datetime) -> int:
    """Forget requests that nobody confirmed within a week, and old rate limit counters.

    Returns how many subscribers were removed.
    """
    start = at - PENDING_LIFETIME
    recent = Consent.objects.filter(subscriber=OuterRef("pk"), at__gte=start)
    forgotten = Subscriber.objects.filter(
        ~Exists(recent), status=Status.PENDING, confirmed_at=None, created_at__lt=start
    )
    throttle.forget(at)
    return forgotten.delete()[1].get(Subscriber._meta.label, 0)


def next_due(subscriber: Subscriber, after: datetime) -> datetime:
    """When the next digest after that time comes: not on a day that had one."""
    if _was_served(subscriber, after):
        day = schedule.due_day(after, subscriber.timezone)
        after = schedule.end_of(day, subscriber.timezone)
    return regular_due(subscriber, after)


def _was_served(subscriber: Subscriber, moment: datetime) -> bool:
    """Whether the subscriber's own day at that moment had its digest already."""
    day = schedule.due_day(moment, subscriber.timezone)
    return Digest.objects.filter(subscriber=subscriber, due_on=day).exists()


def regular_due(subscriber: Subscriber, after: datetime) -> datetime:
    """When the first digest after that time is due by the subscriber's timetable alone."""
    return schedule.next_due(
        frequency=subscriber.frequency,
        weekday=subscriber.weekday,
        hour=subscriber.hour,
        timezone=subscriber.timezone,
        after=after,
    )


def _cancel(subscriber: Subscriber, reason: str) -> None:
    """Take back what has not begun to leave."""
    Digest.objects.filter(subscriber=subscriber, state__in=WAITING).update(
        state=Digest.State.CANCELLED, lease="", lease_until=None, reason=reason
    )


def _log(
    subscriber: Subscriber,
    action: str,
    origin: Origin,
    wishes: Choices | dict[str, Any] | None = None,
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
        choices=wishes or {},
        ip_truncated=throttle.truncated(origin.ip),
        user_agent=origin.user_agent[:300],
    )
