"""Searches of long lists by a person: a whole address by its index, a part of one by the people."""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import Any, Final

from django.db.models import QuerySet

from newsletter.models import Outbound, Subscriber
from newsletter.security import email_addresses

MOST_PEOPLE: Final = 1000
"""People with a part of an address in common; of more than these the database joins the rows."""
UNSENT: Final = [state for state in Outbound.State if state != Outbound.State.SENT]


def of_people(rows: QuerySet[Any], typed: str, field: str = "subscriber") -> QuerySet[Any]:
    """Return the rows of the person with this address, or of all with this part of an address.

    Args:
        rows: Rows that belong to subscribers.
        typed: An address or a part of one.
        field: Which field names the subscriber; ``email_key`` is compared with their keys.
    """
    column = "email_key" if field == "email_key" else "pk"
    key = email_addresses.key_of(typed)
    exact = Subscriber.objects.filter(email_key=key).values_list(column, flat=True)
    if found := list(exact):
        return rows.filter(**{f"{field}__in": found})
    named = Subscriber.objects.filter(email_key__icontains=typed).order_by()
    people = list(named.values_list(column, flat=True)[: MOST_PEOPLE + 1])
    if len(people) > MOST_PEOPLE:
        return rows.filter(**{f"{field}__in": named.values(column)})
    return rows.filter(**{f"{field}__in": people})


def of_message(rows: QuerySet[Any], typed: str) -> QuerySet[Any] | None:
    """Return the digest or notice with this Message-ID, provider's id or public id, if any."""
    message_id = f"<{typed.strip('<>')}>"[:200]
    sent = rows.filter(state=Outbound.State.SENT, message_id=message_id)
    unsent = rows.filter(state__in=UNSENT, message_id=message_id)
    # Each by its own index: a single condition with "or" would read the whole table.
    candidates = [sent, unsent, rows.filter(provider_id=typed)]
    with suppress(ValueError):
        candidates.append(rows.filter(public_id=uuid.UUID(typed)))
    for found in candidates:
        if keys := list(found.order_by().values_list("pk", flat=True)):
            return rows.filter(pk__in=keys)
    return None
