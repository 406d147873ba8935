"""Write many rows that are alike: with COPY on PostgreSQL, with one prepared statement on SQLite.

Django's ``bulk_create`` prepares every value of every row, also those that are alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Model

CACHE_KB: Final = 500_000
"""Of SQLite while it writes: with less, every index with random keys is read again and again."""


def write(like: Model, count: int, changes: Callable[[int], Mapping[str, Any]]) -> None:
    """Write ``count`` rows; each has default keys of its own, such as random ids.

    Args:
        like: An unsaved row with the values that all have in common.
        count: Number of rows.
        changes: Returns the values of a row's own by its number, from 0 on.
    """
    fields = [field for field in like._meta.concrete_fields if not field.primary_key]
    places = {field.attname: place for place, field in enumerate(fields)}
    own = [place for place, field in enumerate(fields) if field.unique and callable(field.default)]
    common = [field.get_db_prep_save(getattr(like, field.attname), connection) for field in fields]

    def rows() -> Iterator[list[Any]]:
        for number in range(count):
            row = common.copy()
            for place in own:
                row[place] = fields[place].get_db_prep_save(fields[place].default(), connection)
            for name, value in changes(number).items():
                place = places[name]
                row[place] = fields[place].get_db_prep_save(value, connection)
            yield row

    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    table = f"{quote(like._meta.db_table)} ({columns})"
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                for row in rows():
                    copy.write_row(row)
        else:
            cursor.execute(f"PRAGMA cache_size = -{CACHE_KB}")
            marks = ", ".join(["%s"] * len(fields))
            portions: Any = rows()  # An iterator will do; the stubs ask for a sequence.
            cursor.executemany(f"INSERT INTO {table} VALUES ({marks})", portions)
