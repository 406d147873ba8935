"""The states of a subscription: sign-up, confirmation, changes, pauses and end.

Only the database is touched here; mail that follows is a row that delivery finds. Every change
of status is one guarded statement, so that a second click changes nothing, and is logged in the
consent log.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, cast

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils.timezone import now

from newsletter.conf.log_format import about
from newsletter.models import Consent, Digest, Notice, Subscriber, Suppression
from newsletter.security import email_addresses, throttle, tokens
from newsletter.security.email_addresses import Address
from newsletter.security.tokens import CONFIRM_LIFETIME, ExpiredTokenError
from newsletter.subscriptions import (
    consent_log,
    due_dates,
    paper_requests,
    preferences,
    suppressions,
)
from newsletter.subscriptions.consent_log import ActionOrigin
from newsletter.subscriptions.preferences import Choices

log = logging.getLogger(__name__)

PENDING_LIFETIME: Final = timedelta(days=7)
FIRST_DIGEST_WAIT: Final = timedelta(minutes=15)
"""The first digest of who has chosen nothing waits so long for the choices."""
PEOPLE_AT_ONCE: Final = 500
"""So many people are changed in one transaction at most."""
CLOCK_TOLERANCE: Final = timedelta(days=1)
"""What was stored further ahead than this was stored by a wrong clock."""

Status = Subscriber.Status
Action = Consent.Action


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
        subscriber = Subscriber.objects.select_for_update().get(email_key=address.key)
        consent = consent_log.add(subscriber, Action.SIGN_UP, origin, choices, typed=typed)
        notice = Notice.objects.create(
            kind=Notice.Kind.CONFIRM,
            subscriber=subscriber,
            consent=consent,
            expires_at=consent.at + CONFIRM_LIFETIME,
        )
    log.info("A confirmation mail is queued.", extra=about(notice))


def confirm(request: Consent, origin: ActionOrigin) -> Subscriber:
    """Start the subscription that ``request`` asked for.

    The first digest is due at once, or FIRST_DIGEST_WAIT later for who has not chosen anything
    yet: see ``send_first_digest``. Confirming twice is the same as once. The choices of a
    request replace those of somebody who is subscribed already.

    Raises:
        ExpiredTokenError: The request was rejected, was already used by somebody who has
            unsubscribed since, or the address is suppressed.
    """
    subscriber, moment = request.subscriber, now()
    if subscriber.status in {Status.ACTIVE, Status.PAUSED}:
        return _change_by_request(request, origin)
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
            suppressions.lift_for(subscriber, Suppression.Reason.ERASED, origin)
            preferences.store(subscriber, _explicit_choices(request))
            if not has_interests(subscriber) and not subscriber.digests.exists():
                subscriber.next_digest_at = moment + FIRST_DIGEST_WAIT
                subscriber.save(update_fields=["next_digest_at"])
            if due_dates.has_digest_of_day(subscriber, moment):
                subscriber.next_digest_at = due_dates.next_due(subscriber, moment)
                subscriber.save(update_fields=["next_digest_at"])
            paper_requests.request_papers(subscriber, moment)
            consent_log.add(subscriber, Action.CONFIRM, origin, {"request": request.pk})
    return subscriber


def _change_by_request(request: Consent, origin: ActionOrigin) -> Subscriber:
    """Store the interests that a subscriber chose on the site before signing up once more."""
    subscriber = request.subscriber
    if offers_choices(request):
        with transaction.atomic():
            change_preferences(subscriber, _chosen_interests(request), origin)
            consent_log.add(subscriber, Action.CONFIRM, origin, {"request": request.pk})
    return subscriber


def offers_choices(request: Consent) -> bool:
    """Return whether confirming the request changes the interests of a subscriber."""
    return bool(_chosen_interests(request)) and not _is_spent(request)


def _chosen_interests(request: Consent) -> Choices:
    chosen = {name: request.choices.get(name) for name in preferences.LISTS}
    return cast(Choices, {name: value for name, value in chosen.items() if value})


def send_first_digest(subscriber: Subscriber) -> bool:
    """Make the first digest due now if it is still waiting for choices; returns whether it was."""
    return bool(_waiting_for_choices(subscriber, now()).update(next_digest_at=now()))


def _waiting_for_choices(subscriber: Subscriber, moment: datetime) -> QuerySet[Subscriber]:
    """Return the subscriber's row if the first digest waits for the choices."""
    return Subscriber.objects.filter(
        ~Exists(Digest.objects.filter(subscriber=OuterRef("pk"))),
        pk=subscriber.pk,
        status=Status.ACTIVE,
        next_digest_at__gt=moment,
        next_digest_at__lte=F("confirmed_at") + FIRST_DIGEST_WAIT,
    )


def waits_for_choices(subscriber: Subscriber) -> bool:
    """Return whether the first digest waits for the choices."""
    return _waiting_for_choices(subscriber, now()).exists()


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
    if _is_spent(request) or not suppressions.may_confirm(request.subscriber.email_key):
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
        consent_log.add(request.subscriber, Action.REJECT, origin, {"request": request.pk})


def change_preferences(subscriber: Subscriber, choices: Choices, origin: ActionOrigin) -> None:
    """Store the choices and move the next digest to the time that they now give."""
    moment = now()
    with transaction.atomic():
        preferences.lock(subscriber)
        preferences.store(subscriber, choices)
        paper_requests.request_papers(subscriber, moment)
        _waiting_for_choices(subscriber, moment).update(next_digest_at=moment)
        active = Subscriber.objects.filter(pk=subscriber.pk, status=Status.ACTIVE)
        # A digest that is due already stays due.
        active.exclude(next_digest_at__lte=moment).update(
            next_digest_at=due_dates.next_due(subscriber, moment)
        )
        consent_log.add(subscriber, Action.CHANGE, origin, choices)
    subscriber.refresh_from_db()


def has_chosen_timezone(subscriber: Subscriber) -> bool:
    """Return whether this person ever chose a time zone, or still has the default."""
    chose_utc = subscriber.consents.filter(action=Action.CHANGE, choices__timezone="UTC")
    return subscriber.timezone != "UTC" or chose_utc.exists()


def has_interests(subscriber: Subscriber) -> bool:
    """Return whether this person has any interest."""
    return subscriber.interests.exists()


def has_choices(subscriber: Subscriber) -> bool:
    """Return whether this person has any interest or ever changed a setting."""
    changed = subscriber.consents.filter(action=Action.CHANGE)
    return subscriber.interests.exists() or changed.exists()


def pause(subscriber: Subscriber, until: datetime | None, origin: ActionOrigin) -> None:
    """Send nothing until that time, or until the subscriber resumes."""
    pause_many([subscriber.pk], until, origin)
    subscriber.refresh_from_db()


def pause_many(ids: Sequence[int], until: datetime | None, origin: ActionOrigin) -> None:
    """Pause those of these people who are subscribed, in one transaction."""
    choices = {"until": until and until.isoformat()}
    with transaction.atomic():
        people = _locked(ids, Status.ACTIVE, Status.PAUSED)
        keys = [person.pk for person in people]
        Subscriber.objects.filter(pk__in=keys).update(
            status=Status.PAUSED, paused_until=until, next_digest_at=None
        )
        suppressions.cancel_digests(keys, "The subscriber paused.")
        Consent.objects.bulk_create(
            consent_log.line(person, Action.PAUSE, origin, choices) for person in people
        )


def resume(subscriber: Subscriber, origin: ActionOrigin) -> None:
    """Send again, from the next regular time on."""
    resume_many([subscriber.pk], origin)
    subscriber.refresh_from_db()


def resume_many(ids: Sequence[int], origin: ActionOrigin) -> None:
    """Resume those of these people who are paused, in one transaction."""
    with transaction.atomic():
        people = _locked(ids, Status.PAUSED)
        due_dates.resume_regular(people, now())
        Consent.objects.bulk_create(
            consent_log.line(person, Action.RESUME, origin) for person in people
        )


def resume_due(at: datetime, *, to: str = "") -> int:
    """Resume everybody whose pause is over, or only the one with the key ``to``; return a count."""
    over = Subscriber.objects.filter(status=Status.PAUSED, paused_until__lte=at)
    if to:
        over = over.filter(email_key=to)
    ids = list(over.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), PEOPLE_AT_ONCE):
        resume_many(ids[start : start + PEOPLE_AT_ONCE], ActionOrigin("end of the pause"))
    return len(ids)


def unsubscribe(subscriber: Subscriber, origin: ActionOrigin) -> None:
    """End a subscription and cancel what is queued; a suppressed address stays suppressed."""
    unsubscribe_many([subscriber.pk], origin)
    subscriber.refresh_from_db()


def unsubscribe_many(ids: Sequence[int], origin: ActionOrigin) -> None:
    """End the subscriptions of these people as ``unsubscribe`` does, in one transaction."""
    with transaction.atomic():
        people = _locked(ids, Status.PENDING, Status.ACTIVE, Status.PAUSED)
        keys = [person.pk for person in people]
        Subscriber.objects.filter(pk__in=keys).update(
            status=Status.UNSUBSCRIBED, next_digest_at=None, paused_until=None
        )
        suppressions.cancel_digests(keys, "The subscriber unsubscribed.")
        Consent.objects.bulk_create(
            consent_log.line(
                person,
                Action.UNSUBSCRIBE,
                origin,
                {
                    "was": person.status,
                    "until": person.paused_until and person.paused_until.isoformat(),
                },
            )
            for person in people
        )


def _locked(ids: Sequence[int], *statuses: Status) -> list[Subscriber]:
    """Return those of these people who have one of the statuses, kept from others' changes.

    They are locked in the order of their keys, so that two who lock many never wait for each other.
    """
    people = Subscriber.objects.select_for_update().filter(pk__in=ids, status__in=statuses)
    return list(people.order_by("pk"))


def undoable_departure(subscriber: Subscriber) -> Consent | None:
    """Return the unsubscription that can still be taken back; None where there is none."""
    if subscriber.status != Status.UNSUBSCRIBED:
        return None
    last = subscriber.consents.order_by("-at", "-pk").first()
    if last is None or last.action != Action.UNSUBSCRIBE or not tokens.may_undo(last):
        return None
    return last if last.choices.get("was") in {Status.ACTIVE, Status.PAUSED} else None


def undo_unsubscription(departure: Consent, origin: ActionOrigin) -> Subscriber:
    """Make a subscription what it was before this unsubscription; doing it twice is as once.

    Digests that were cancelled stay so: the next one comes on the next regular day.

    Raises:
        ExpiredTokenError: Something else happened to the subscription since.
    """
    subscriber, moment = departure.subscriber, now()
    until = departure.choices.get("until")
    paused_until = datetime.fromisoformat(until) if until else None
    with transaction.atomic():
        preferences.lock(subscriber)
        subscriber.refresh_from_db()
        if subscriber.status in {Status.ACTIVE, Status.PAUSED}:
            return subscriber
        if undoable_departure(subscriber) != departure:
            raise ExpiredTokenError("This link has done its work and is no longer valid.")
        paused = departure.choices["was"] == Status.PAUSED
        subscriber.status = Status.PAUSED if paused else Status.ACTIVE
        subscriber.paused_until = paused_until if paused else None
        subscriber.next_digest_at = None if paused else due_dates.next_due(subscriber, moment)
        subscriber.save(update_fields=["status", "paused_until", "next_digest_at"])
        action = Action.PAUSE if paused else Action.RESUME
        consent_log.add(subscriber, action, origin, {"undone": departure.pk, "until": until})
    return subscriber


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
