"""Times on the command line."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Final

from django.utils.dateparse import parse_date, parse_datetime
from django.utils.timezone import is_naive, make_aware

# Nothing was published online before; and the years around it must exist in every time zone.
FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 9998


def parse_time(text: str, *, without_hour: time = time.min) -> datetime:
    """Parse an ISO 8601 time; without a zone it is UTC, without an hour ``without_hour``.

    Raises:
        ValueError: It is no time, or its year is not within 1970 to 9998.
    """
    day = parse_date(text)
    found = datetime.combine(day, without_hour, UTC) if day else parse_datetime(text)
    if found is None or not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise ValueError(f"{text!r} is no time from {FIRST_YEAR} to {LAST_YEAR}")
    return make_aware(found, UTC) if is_naive(found) else found
