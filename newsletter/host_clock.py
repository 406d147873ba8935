"""Compare the clock of this host with the database's: a host whose clock is off sends nothing.

Digests fall due, expire and are tried again by the clock of the process, which would send them too
early, too late or again. SQLite is on one host, whose clock is the only one.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta
from typing import Final

from django.db import connection
from django.utils.timezone import now

log = logging.getLogger(__name__)

LARGEST_SKEW: Final = timedelta(seconds=30)
MEASURED_SECONDS: Final = 10.0
_measured: dict[str, tuple[float, timedelta]] = {}


def skew() -> timedelta:
    """Return by how much this host's clock is ahead of the database's; zero with SQLite."""
    if connection.vendor != "postgresql":
        return timedelta()
    before = now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        there: datetime = cursor.fetchone()[0]
    return before + (now() - before) / 2 - there


def complaint() -> str:
    """Return a sentence about the clock of this host when it is off, else nothing."""
    found = skew()
    return sentence("this host", found) if abs(found) > LARGEST_SKEW else ""


def sentence(host: str, found: timedelta) -> str:
    """Return what is wrong with a clock, and what to do."""
    seconds = f"{abs(found.total_seconds()):.0f} seconds"
    return f"The clock of {host} is off by {seconds}; it sends nothing until that is set right."


def is_off() -> bool:
    """Return whether this host must not send; measured again after MEASURED_SECONDS."""
    if connection.vendor != "postgresql":
        return False
    at, found = _measured.get(connection.alias, (float("-inf"), timedelta()))
    if time.monotonic() - at >= MEASURED_SECONDS:
        found = skew()
        _measured[connection.alias] = time.monotonic(), found
        if abs(found) > LARGEST_SKEW:
            log.error("%s", sentence("this host", found))
    return abs(found) > LARGEST_SKEW
