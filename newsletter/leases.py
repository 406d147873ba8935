"""The clock that judges leases: rows that a process holds for a while, and others leave alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import connection
from django.db.models import Q
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Now
from django.utils.timezone import now

# What ends later was written by a wrong clock and is not believed.
LONGEST_BELIEVED_LEASE: Final = timedelta(minutes=5)


def lease_clock() -> datetime | Now:
    """Return the present time by the clock that judges leases.

    On PostgreSQL that is the database's, so that hosts whose clocks differ agree; SQLite is on one
    host.
    """
    return Now() if connection.vendor == "postgresql" else now()


def lease_end(length: timedelta) -> datetime | CombinedExpression:
    """Return when a lease ends that begins now."""
    return lease_clock() + length


def held(column: str) -> Q:
    """Return the condition that the lease in ``column`` lasts."""
    clock = lease_clock()
    return Q(**{f"{column}__gte": clock, f"{column}__lte": clock + LONGEST_BELIEVED_LEASE})
