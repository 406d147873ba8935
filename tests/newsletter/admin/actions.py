"""Actions of the admin's lists, sent as the browser does."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

from django.db.models import Model
from django.test import Client
from django.utils.timezone import now

from newsletter.models import (
    Digest,
    Subscriber,
)
from papers.admin.base import url_of_list


def digest_of(reader: Subscriber, state: str, day: int = 1) -> Digest:
    due_at = now() - timedelta(days=day)
    return Digest.objects.create(
        subscriber=reader, due_on=due_at.date(), due_at=due_at, state=state, reason="Refused."
    )


def act(client: Client, action: str, rows: Sequence[Model], **typed: str) -> str:
    """Send a list's action as the browser does; returns the page that it leads to."""
    form = {"action": action, "_selected_action": [str(row.pk) for row in rows], **typed}
    return client.post(url_of_list(type(rows[0])), form, follow=True).content.decode()


def ticket_of(page: str) -> str:
    found = re.search(r'name="ticket" value="([^"]+)"', page)
    assert found, page
    return found[1]


def act_with_words(
    client: Client, action: str, rows: Sequence[Model], words: str, **typed: str
) -> str:
    ticket = ticket_of(act(client, action, rows))
    return act(client, action, rows, ticket=ticket, typed=words, **typed)
