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


# The longest time to the next due moment: a day more than between two, as a change of the time
# zone or a digest out of turn can move the next one to the following day.
LONGEST_WAIT: Final[dict[str, timedelta]] = {
    "daily": timedelta(days=3),
    "weekdays": timedelta(days=5),
    "weekly": timedelta(days=9),
}
LAST_MINUTE: Final = timedelta(minutes=1)


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

    An hour that daylight saving skips becomes the next hour that exists on that day, or the last
    minute of the day if there is none; one that it repeats is taken the first time (PEP 495,
    fold=0). So every due day that exists has exactly one due moment.
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
        due = _moment_on(day, hour, zone)
        if due and ((due > moment) if step > 0 else (due <= moment)):
            return due
    raise ValueError(f"No due day for {frequency!r} on weekday {weekday}.")


def _moment_on(day: date, hour: int, zone: ZoneInfo) -> datetime | None:
    """Return the moment of that hour, in UTC; None when the zone leaves the whole day out."""
    due = datetime.combine(day, time(hour), tzinfo=zone).astimezone(UTC)
    if due.astimezone(zone).date() == day:
        return due
    # The clock jumps over midnight: this moment is the first one after the jump.
    due -= LAST_MINUTE
    return due if due.astimezone(zone).date() == day else None
