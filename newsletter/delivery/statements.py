"""Changes of many rows in one statement, each row by its own values.

The text of a statement is the same for any number of rows on PostgreSQL, where the values are
arrays: it is parsed and planned a few times for each connection, then prepared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

Key = tuple[int, str]
"""The id of a row and the lease under which it is held."""
# The types of the columns that are no text.
ARRAY_TYPES: Final = {"id": "bigint[]"}


class Sql(NamedTuple):
    """A part of a statement and the values of its placeholders."""

    text: str
    values: Sequence[Any]


class Update(NamedTuple):
    """One change of many rows.

    Attributes:
        given: For each column the values of all rows; ``id`` and ``lease`` find the row.
        change: The SET clause, which may read ``given``.
        condition: The rest of the WHERE clause.
    """

    given: Mapping[str, Sequence[Any]]
    change: Sql
    condition: Sql


def is_joined() -> bool:
    """Return whether ``update`` makes one statement of several changes."""
    return connection.vendor == "postgresql"


def update(
    table: str, *changes: Update, using: BaseDatabaseWrapper | None = None
) -> list[set[Key]]:
    """Change rows and return, for each change, the keys of the rows that were changed.

    On PostgreSQL all of it is one statement, and so one transaction and one answer to wait for.
    Then no row may be in two changes. On SQLite each is a statement, in the caller's transaction.

    Args:
        table: The table to change.
        changes: The changes.
        using: Another connection to PostgreSQL than that of this thread.
    """
    if not is_joined():
        return [_update_singly(table, each) if each.given["id"] else set() for each in changes]
    parts: list[Sql] = []
    for number, each in enumerate(changes):
        parts.append(_as_expression(table, each, f"given_{number}", f"changed_{number}"))
    found = " UNION ALL ".join(
        f"SELECT {number}, id, lease FROM changed_{number}"  # noqa: S608 - numbers
        for number in range(len(changes))
    )
    changed: list[set[Key]] = [set() for _ in changes]
    with prepared_cursor(using) as cursor:
        cursor.execute(
            f"WITH {', '.join(part.text for part in parts)} {found}",
            list(chain.from_iterable(part.values for part in parts)),
        )
        for number, row, lease in cursor.fetchall():
            changed[number].add((row, lease))
    return changed


def prepared_cursor(using: BaseDatabaseWrapper | None = None) -> CursorWrapper:
    """Return a cursor of PostgreSQL that sends the values of a statement apart from its text.

    A text that is executed often is prepared (``prepare_threshold`` in the settings).
    """
    from django.db.backends.postgresql.base import ServerBindingCursor

    bound: Any = ServerBindingCursor  # Django's stubs know nothing of it.
    chosen: Any = using or connection
    with chosen.cursor() as usual:
        cursor = bound(usual.connection)
    wrapped: CursorWrapper = (
        chosen.make_debug_cursor(cursor) if chosen.queries_logged else chosen.make_cursor(cursor)
    )
    return wrapped


def _as_expression(table: str, update: Update, given: str, name: str) -> Sql:
    """Return a change as the common table expression ``name``, whose rows are the keys."""
    arrays = ", ".join(f"%s::{ARRAY_TYPES.get(column, 'text[]')}" for column in update.given)
    return Sql(
        f"{given} ({', '.join(update.given)}) AS (SELECT * FROM unnest({arrays})), "  # noqa: S608
        f"{name} AS ({_statement(table, update, given)})",
        [*map(list, update.given.values()), *update.change.values, *update.condition.values],
    )


def _update_singly(table: str, update: Update) -> set[Key]:
    """Change rows in a statement of its own, for a database without arrays."""
    line = "(" + ", ".join(["%s"] * len(update.given)) + ")"
    values = list(zip(*update.given.values(), strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH given ({', '.join(update.given)}) AS (VALUES {', '.join([line] * len(values))}) "
            f"{_statement(table, update, 'given')}",
            [*chain.from_iterable(values), *update.change.values, *update.condition.values],
        )
        return set(cursor.fetchall())


def _statement(table: str, update: Update, given: str) -> str:
    return (
        f"UPDATE {table} SET {update.change.text} FROM {given} AS given "  # noqa: S608
        f"WHERE {table}.id = given.id AND {table}.lease = given.lease "
        f"AND {update.condition.text} RETURNING {table}.id, {table}.lease"
    )
