"""Dates as sources write them: ISO 8601, the mail form of RSS, and date lines for people."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from email.utils import parsedate_to_datetime
from typing import Final

from papers.text.times import parse_time

MONTHS: Final = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
WEEKDAYS: Final = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
MONTH: Final = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
DAY: Final = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
WEEKDAY: Final = r"(?:(?P<weekday>mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
YEAR: Final = r"(?:,?\s+(?P<year>\d{4}))?"
DATE_LINES: Final = (
    re.compile(rf"{WEEKDAY}{MONTH}\s+{DAY}{YEAR}", re.IGNORECASE),
    re.compile(rf"{WEEKDAY}{DAY}\s+(?:of\s+)?{MONTH}{YEAR}", re.IGNORECASE),
    re.compile(r"(?P<year>\d{4})[-/](?P<month>\d{1,2})[-/](?P<day>\d{1,2})"),
)
DATE_LENGTH: Final = 100
# Within so many years every day of the year falls on every weekday.
CALENDAR_CYCLE: Final = 28


def moment(written: str) -> datetime | None:
    """Return a time in UTC from ISO 8601 or RFC 2822, which is UTC without a zone; else None."""
    written = written[:DATE_LENGTH].strip()
    try:
        found = parse_time(written)
    except ValueError:
        try:
            found = parsedate_to_datetime(written)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
    if not 1900 <= found.year <= 2200:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def midnight(day: date) -> datetime:
    """Return the first moment of a day in UTC."""
    return datetime.combine(day, time(), UTC)


def date_line(line: str, today: date) -> date | None:
    """Return the date that a line is, in English or ISO form; None when it is anything else.

    Without a year it is the most recent such day up to ``today`` (on its weekday, if named).
    """
    line = line.strip().strip("·•|-").strip()
    for form in DATE_LINES:
        if match := form.fullmatch(line):
            return _date(match.groupdict(), today)
    return None


def _date(parts: dict[str, str | None], today: date) -> date | None:
    name = (parts["month"] or "")[:3].lower()
    month = MONTHS.index(name) + 1 if name in MONTHS else int(name)
    named = parts.get("weekday")
    weekday = WEEKDAYS.index(named.lower()) if named else None
    past = range(today.year, today.year - CALENDAR_CYCLE - 1, -1)
    for year in [int(parts["year"])] if parts["year"] else past:
        try:
            found = date(year, month, int(parts["day"] or 0))
        except ValueError:
            continue
        if parts["year"] or (found <= today and weekday in {None, found.weekday()}):
            return found
    return None
