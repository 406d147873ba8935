"""The suppression list: addresses that get no mail, the reason for each, and their release.

Each address is stored under a keyed hash of its key, so that an erased one can stay on the list
without being readable.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils.timezone import now

from newsletter.models import Consent, Digest, Notice, Subscriber, Suppression
from newsletter.security import email_addresses
from newsletter.subscriptions import consent_log, due_dates
from newsletter.subscriptions.consent_log import ActionOrigin

Status = Subscriber.Status
Action = Consent.Action
Reason = Suppression.Reason
ADDRESSES_AT_ONCE: Final = 500
UNSENT: Final = (Digest.State.QUEUED, Digest.State.CLAIMED)
CANCELLED: Final = "The address is suppressed."
# The status that each action of the consent log leads to. An import is not among them: it may
# come without consent, and changes only the choices of a paused subscriber.
STATUS_AFTER: Final[dict[str, str]] = {
    Action.CONFIRM: Status.ACTIVE,
    Action.RESUME: Status.ACTIVE,
    Action.PAUSE: Status.PAUSED,
    Action.UNSUBSCRIBE: Status.UNSUBSCRIBED,
}


@dataclass(frozen=True)
class SuppressedAddress:
    """An address to be suppressed; ``detail`` is the answer or the sentence that caused it."""

    email_key: str
    reason: str
    detail: str = ""
    since: datetime | None = None


def of_address(*email_keys: str) -> QuerySet[Suppression]:
    """Return the suppressions of these addresses, under any known secret key."""
    hashes = [one for key in email_keys for one in email_addresses.hashes_of(key)]
    return Suppression.objects.filter(address_hash__in=hashes)


def is_suppressed(email_key: str) -> bool:
    """Return whether no digest may go to this address."""
    return of_address(email_key).exists()


def may_confirm(email_key: str) -> bool:
    """Return whether the owner of this address may be asked to confirm, and may do so.

    An erased address can be signed up again by its owner; any other suppression stands.
    """
    return not of_address(email_key).exclude(reason=Reason.ERASED).exists()


def suppressed_among(keys: Iterable[str]) -> set[str]:
    """Return which of these addresses are suppressed."""
    by_hash = {address_hash: key for key in keys for address_hash in email_addresses.hashes_of(key)}
    listed = Suppression.objects.filter(address_hash__in=list(by_hash))
    return {by_hash[address_hash] for address_hash in listed.values_list("address_hash", flat=True)}


def suppress(address: str, reason: str, detail: str = "") -> None:
    """Send nothing to this address any more; ``reason`` is a Suppression.Reason."""
    suppress_many([SuppressedAddress(email_addresses.key_of(address), reason, detail)])


def suppress_many(entries: Sequence[SuppressedAddress]) -> int:
    """Send nothing to these addresses any more; return how many were not suppressed before.

    An address that is suppressed already keeps its first reason, unless that was its erasure.
    """
    created = 0
    for start in range(0, len(entries), ADDRESSES_AT_ONCE):
        wanted = {entry.email_key: entry for entry in entries[start : start + ADDRESSES_AT_ONCE]}
        with transaction.atomic():
            fresh = _without_suppressed(wanted)
            rows = Suppression.objects.bulk_create(
                [_row(entry) for entry in fresh], ignore_conflicts=True
            )
            created += len(rows)
            _stop_mail(wanted)
    return created


def _without_suppressed(wanted: dict[str, SuppressedAddress]) -> list[SuppressedAddress]:
    """Return the entries whose address is not suppressed yet, or only because it was erased."""
    Suppression.objects.filter(
        reason=Reason.ERASED, address_hash__in=_of_subscribers(wanted)
    ).delete()
    known = suppressed_among(wanted)
    return [entry for key, entry in wanted.items() if key not in known]


def _of_subscribers(wanted: Iterable[str]) -> list[str]:
    """Return the hashes of those addresses that are on the list of subscribers (again)."""
    present = Subscriber.objects.filter(email_key__in=list(wanted))
    return [
        address_hash
        for key in present.values_list("email_key", flat=True)
        for address_hash in email_addresses.hashes_of(key)
    ]


def _row(entry: SuppressedAddress) -> Suppression:
    readable = entry.reason != Reason.ERASED
    return Suppression(
        address_hash=email_addresses.hash_of(entry.email_key),
        email_key=entry.email_key if readable else "",
        reason=entry.reason,
        detail=entry.detail[:500],
        created_at=entry.since or now(),
    )


def _stop_mail(wanted: dict[str, SuppressedAddress]) -> None:
    people = Subscriber.objects.filter(email_key__in=list(wanted))
    origin = ActionOrigin("suppression list")
    Consent.objects.bulk_create(
        consent_log.line(
            subscriber,
            Action.SUPPRESS,
            origin,
            {"reason": entry.reason, "detail": entry.detail[:500]},
        )
        for subscriber in people.exclude(status=Status.SUPPRESSED)
        for entry in (wanted[subscriber.email_key],)
    )
    ids = list(people.values_list("pk", flat=True))
    Subscriber.objects.filter(pk__in=ids).update(
        status=Status.SUPPRESSED, next_digest_at=None, paused_until=None
    )
    cancel_digests(ids, CANCELLED)
    Notice.objects.filter(subscriber__in=ids, state__in=UNSENT).update(
        state=Notice.State.CANCELLED, lease="", lease_until=None, reason=CANCELLED
    )


def cancel_digests(subscribers: Iterable[int], reason: str) -> None:
    """Cancel the digests of these subscribers whose sending has not begun."""
    Digest.objects.filter(subscriber__in=subscribers, state__in=UNSENT).update(
        state=Digest.State.CANCELLED, lease="", lease_until=None, reason=reason
    )


def find(
    *,
    reason: str = "",
    domain: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[Suppression]:
    """Return the suppressions that fit every condition that is given.

    Erasures are only among them when ``reason`` asks for them: these people wanted to be left
    alone. The domain of an erased address is not known.
    """
    found = (
        Suppression.objects.filter(reason=reason)
        if reason
        else Suppression.objects.exclude(reason=Reason.ERASED)
    )
    if domain:
        found = found.filter(email_key__endswith=f"@{domain.strip().lower().lstrip('@')}")
    if since:
        found = found.filter(created_at__gte=since)
    if until:
        found = found.filter(created_at__lte=until)
    return found


def lift_many(found: QuerySet[Suppression], origin: ActionOrigin) -> Iterator[int]:
    """Lift these suppressions in portions and yield the size of each once it is done."""
    ids = list(found.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), ADDRESSES_AT_ONCE):
        portion = ids[start : start + ADDRESSES_AT_ONCE]
        yield lift(Suppression.objects.filter(pk__in=portion), origin)


def lift(found: QuerySet[Suppression], origin: ActionOrigin) -> int:
    """Delete these suppressions; each person has again the status that they chose last.

    Reason, answer and time of the suppression stay in the consent log.

    Returns:
        The number of suppressions that were lifted.
    """
    with transaction.atomic():
        rows = list(found.select_for_update())
        count = Suppression.objects.filter(pk__in=[row.pk for row in rows]).delete()[0]
        lifted = {row.email_key: row for row in rows if row.email_key}
        people = Subscriber.objects.select_for_update().filter(
            email_key__in=list(lifted), status=Status.SUPPRESSED
        )
        restored = list(people.order_by("pk"))
        _restore(restored)
        Consent.objects.bulk_create(
            consent_log.line(
                subscriber,
                Action.LIFT,
                origin,
                {
                    "reason": row.reason,
                    "detail": row.detail,
                    "suppressed_at": row.created_at.isoformat(),
                },
            )
            for subscriber in restored
            for row in (lifted[subscriber.email_key],)
        )
    return count


def lift_for(subscriber: Subscriber, reason: str, origin: ActionOrigin) -> None:
    """Lift the suppression of this person if it has that reason."""
    lift(of_address(subscriber.email_key).filter(reason=reason), origin)


def _restore(people: Sequence[Subscriber]) -> None:
    """Give each of these subscribers the status that the last action of theirs led to."""
    lines = Consent.objects.filter(subscriber__in=people, action__in=STATUS_AFTER).order_by("pk")
    last: dict[int, tuple[str | None, dict[str, Any]]] = {
        owner: (action, choices)
        for owner, action, choices in lines.values_list("subscriber_id", "action", "choices")
    }
    active: list[Subscriber] = []
    others: dict[tuple[str, str | None], list[int]] = {}
    for person in people:
        default = Action.CONFIRM if person.confirmed_at else None
        action, choices = last.get(person.pk, (default, {}))
        status = STATUS_AFTER[action] if action else Status.PENDING
        if status == Status.ACTIVE:
            active.append(person)
        else:
            until = choices.get("until") if status == Status.PAUSED else None
            others.setdefault((status, until), []).append(person.pk)
    due_dates.resume_regular(active, now())
    for (status, until), keys in others.items():
        Subscriber.objects.filter(pk__in=keys).update(
            status=status,
            paused_until=datetime.fromisoformat(until) if until else None,
            next_digest_at=None,
        )
