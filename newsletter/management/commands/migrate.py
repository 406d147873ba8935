"""``manage.py migrate``: Django's command, which makes no sender wait behind it on PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from django.core.management.commands import migrate
from django.db import OperationalError, connections

LOCK_TIMEOUT: Final = "500ms"
LOCK_NOT_AVAILABLE: Final = "55P03"
"""PostgreSQL's code for a lock that was not granted within ``lock_timeout``."""
ATTEMPTS: Final = 600
PAUSE_SECONDS: Final = 1.0


class Command(migrate.Command):
    """Apply migrations; on PostgreSQL give up a table that is in use, and try again.

    A statement that changes a table waits until every transaction that reads it has ended, a
    backup for instance, and whoever comes later waits behind that statement.
    """

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, again and again while some table is in use."""
        connection = connections[options["database"]]
        if connection.vendor != "postgresql":
            super().handle(*args, **options)
            return
        for attempts_left in reversed(range(ATTEMPTS)):
            try:
                with connection.execute_wrapper(limit_wait_for_locks):
                    super().handle(*args, **options)
                return
            except OperationalError as error:
                if not attempts_left or not is_lock_timeout(error):
                    raise
                self.stderr.write(f"A table is in use; trying again in {PAUSE_SECONDS:.0f} s.")
                time.sleep(PAUSE_SECONDS)


def limit_wait_for_locks(
    execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    """Bound the wait of what changes a table within a transaction.

    Outside of one stands only what other sessions do not wait for: concurrent indexes, VALIDATE.
    """
    connection = context["connection"]
    if connection.in_atomic_block and sql.startswith(("ALTER ", "CREATE ", "DROP ")):
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
    return execute(sql, params, many, context)


def is_lock_timeout(error: OperationalError) -> bool:
    """Return whether PostgreSQL gave up waiting for a lock."""
    return getattr(error.__cause__, "sqlstate", None) == LOCK_NOT_AVAILABLE
