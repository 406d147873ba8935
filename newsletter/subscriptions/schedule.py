"""Due times of digests, calculated from a subscriber's weekday, hour and time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

DAYS: Final[dict[str, frozenset[int]]] = {
    "daily": frozenset(range(7)),
    "weekdays": frozenset(range(5)),
}
# How late a digest may leave unless an operator asks for it.
MAX_DELAY: Final[dict[str, timedelta]] = {
    "daily": timedelta(hours=12),
    "weekdays": timedelta(hours=12),
    "weekly": timedelta(hours=48),
}


def due_day(moment: datetime, timezone: str) -> date:
    """Return the calendar day of that moment in the time zone."""
    return moment.astimezone(ZoneInfo(timezone)).date()


def end_of(day: date, timezone: str) -> datetime:
    """Return the last moment of the calendar day in the time zone."""
    return datetime.combine(day, time.max, tzinfo=ZoneInfo(timezone))


def next_due(
    *, frequency: str, weekday: int, hour: int, timezone: str, after: datetime
) -> datetime:
    """Return the first due moment later than ``after``, in UTC.

    An hour that daylight saving skips becomes the next hour that exists, one that it repeats is
    taken the first time (PEP 495, fold=0), so every due day has exactly one due moment.
    """
    return _walk(frequency, weekday, hour, timezone, after, step=1)


def last_due(
    *, frequency: str, weekday: int, hour: int, timezone: str, before: datetime
) -> datetime:
    """Return the latest due moment not later than ``before``, in UTC."""
    return _walk(frequency, weekday, hour, timezone, before, step=-1)


def _walk(
    frequency: str, weekday: int, hour: int, timezone: str, moment: datetime, step: int
) -> datetime:
    zone = ZoneInfo(timezone)
    days = DAYS.get(frequency, frozenset({weekday}))
    start = moment.astimezone(zone).date()
    # From the day before: a zone change can put the due moment on the other side of midnight.
    for offset in range(-1, 9):
        day = start + timedelta(days=step * offset)
        if day.weekday() not in days:
            continue
        due = datetime.combine(day, time(hour), tzinfo=zone).astimezone(UTC)
        if (due > moment) if step > 0 else (due <= moment):
            return due
    raise ValueError(f"No due day for {frequency!r} on weekday {weekday}.")
