"""The changes of a round: rows become sent, and the intent to send others is stored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

from django.db import connection
from django.utils.timezone import now

from newsletter.delivery import outbox
from newsletter.delivery.outbox import Attempt, MailStream, RowT, State
from newsletter.delivery.statements import Sql, Update
from newsletter.models import Subscriber

PAUSED: Final = "SELECT 1 FROM newsletter_stream WHERE name = %s AND paused_at IS NOT NULL"


def sent_update(rows: list[RowT]) -> Update:
    """Return the change that marks all rows of a round as sent."""
    return Update(
        {"id": [row.pk for row in rows], "lease": [row.lease for row in rows]},
        Sql(
            "state = %s, sent_at = %s, lease_until = NULL, reason = ''",
            [State.SENT, _database_time(now())],
        ),
        Sql("state IN (%s, %s)", [State.SENDING, State.UNCERTAIN]),
    )


def intent_update(stream: MailStream[RowT], attempts: Sequence[Attempt[RowT]]) -> Update:
    """Return the change that stores the intent to send.

    It checks that neither the subscriber, nor the stream, nor the lease forbids it, so that nothing
    can change between the check and the intent.
    """
    allowed, values = _recipients_sql(stream)
    lease = _lease_sql()
    stored = {
        name: [getattr(attempt.row, name) for attempt in attempts] for name in stream.stored_columns
    }
    stored["message_id"] = [attempt.message_id for attempt in attempts]
    assignments = ", ".join(f"{name} = given.{name}" for name in stored)
    return Update(
        {
            "id": [attempt.row.pk for attempt in attempts],
            "lease": [attempt.row.lease for attempt in attempts],
            **stored,
        },
        Sql(
            f"state = %s, sending_at = %s, lease_until = {lease.text}, attempts = attempts + 1, "
            f"{assignments}",
            [State.SENDING, _database_time(now()), *lease.values],
        ),
        Sql(
            f"state = %s AND NOT EXISTS ({PAUSED}) AND EXISTS ({allowed})",
            [State.CLAIMED, stream.name, *values],
        ),
    )


@cache
def _recipients_sql(stream: MailStream[RowT]) -> tuple[str, tuple[Any, ...]]:
    """Return the subquery, and its values, that finds the subscriber of a row who may get mail.

    The subscriber is looked up by id alone, and the condition read afterwards: without statistics,
    on a new installation, PostgreSQL would look through all active subscribers for each round.
    """
    allowed = Subscriber.objects.filter(stream.recipients).order_by().values("pk")
    sql, values = allowed.query.sql_with_params()
    own = f"SELECT * FROM newsletter_subscriber WHERE id = {stream.table}.subscriber_id LIMIT 1"  # noqa: S608
    table = 'FROM "newsletter_subscriber"'
    return sql.replace(table, f"FROM ({own}) AS newsletter_subscriber", 1), values


def _lease_sql() -> Sql:
    """Return the end of a lease that begins now, by the clock that judges leases."""
    if connection.vendor == "postgresql":
        return Sql("statement_timestamp() + %s", [outbox.SENDING_LEASE])
    return Sql("%s", [_database_time(now() + outbox.SENDING_LEASE)])


def _database_time(moment: datetime) -> Any:
    """Return a time as this database stores it."""
    return connection.ops.adapt_datetimefield_value(moment)
