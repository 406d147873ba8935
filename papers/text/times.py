"""Times in ISO 8601, as operators and files write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Final

# Nothing was published online before; and the years around it must exist in every time zone.
FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 9998


def parse_time(text: str, *, without_hour: time = time.min) -> datetime:
    """Parse an ISO 8601 time; without a zone it is UTC, without an hour ``without_hour``.

    Raises:
        ValueError: It is no time, or its year is not within 1970 to 9998.
    """
    written = text.strip()
    try:
        found = datetime.combine(date.fromisoformat(written), without_hour, UTC)
    except ValueError:
        found = datetime.fromisoformat(written)
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise ValueError(f"{text!r} is no time from {FIRST_YEAR} to {LAST_YEAR}")
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found
