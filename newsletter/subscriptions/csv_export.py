"""The list of subscribers as rows of a CSV file that ``csv_import`` takes in again."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime
from typing import Final, cast

from django.db.models import QuerySet

from newsletter.models import Consent, Interest, Subscriber, Suppression
from newsletter.security import email_addresses
from newsletter.subscriptions import preferences
from newsletter.subscriptions.csv_files import neutralised
from newsletter.subscriptions.csv_rows import COLUMNS, LISTS
from newsletter.subscriptions.preferences import Choices, Interests
from newsletter.subscriptions.suppressions import STATUS_AFTER

ROWS_AT_ONCE: Final = 500
Status = Subscriber.Status


def readers() -> QuerySet[Subscriber]:
    """Return everybody who gets mail."""
    return Subscriber.objects.filter(status=Status.ACTIVE)


def export_rows(subscribers: QuerySet[Subscriber]) -> Iterator[list[str]]:
    """Yield a row for each of these subscribers in the order of ``COLUMNS``, without tokens."""
    people = subscribers.order_by("pk").iterator(chunk_size=ROWS_AT_ONCE)
    while portion := list(itertools.islice(people, ROWS_AT_ONCE)):
        chosen = preferences.of_many(portion)
        interests = preferences.interests_of(portion)
        closed = [person for person in portion if person.status == Status.SUPPRESSED]
        reasons, actions = _suppressions_of(closed), _last_actions_of(closed)
        for person in portion:
            cells = _cells(person, chosen[person.pk], interests[person.pk])
            if person.status == Status.SUPPRESSED:
                cells |= _suppression_cells(reasons.get(person.pk))
                cells["status_when_lifted"] = STATUS_AFTER.get(actions.get(person.pk, ""), "")
            yield [cells.get(name, "") for name in COLUMNS]


def _cells(person: Subscriber, chosen: Choices, interests: Interests) -> dict[str, str]:
    likes = interests.values[Interest.Kind.LIKE]
    cells = {
        "email": neutralised(person.email),
        "status": person.status,
        "consent_source": neutralised(person.consent_source),
        "confirmed_at": _time(person.confirmed_at),
        "created_at": _time(person.created_at),
        "paused_until": _time(person.paused_until),
        "likes_since": ";".join(_time(interests.liked_at[paper]) for paper in likes),
    }
    for name in preferences.SETTINGS:
        cells[name] = neutralised(str(getattr(person, name)))
    for name in LISTS:
        values = cast("list[str]", chosen[name])  # type: ignore[literal-required]
        cells[name] = ";".join(neutralised(value.replace(";", ",")) for value in values)
    return cells


def _suppression_cells(suppression: Suppression | None) -> dict[str, str]:
    if suppression is None:
        return {}
    return {
        "suppressed_at": _time(suppression.created_at),
        "suppression_reason": suppression.reason,
        "suppression_detail": neutralised(suppression.detail),
    }


def _suppressions_of(people: list[Subscriber]) -> dict[int, Suppression]:
    owners = {
        address_hash: person.pk
        for person in people
        for address_hash in email_addresses.hashes_of(person.email_key)
    }
    found = Suppression.objects.filter(address_hash__in=list(owners))
    return {owners[row.address_hash]: row for row in found}


def _last_actions_of(people: list[Subscriber]) -> dict[int, str]:
    """Return the last action of each that a lifted suppression leads back to."""
    actions = Consent.objects.filter(subscriber__in=people, action__in=STATUS_AFTER)
    return dict(actions.order_by("pk").values_list("subscriber_id", "action"))


def _time(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
