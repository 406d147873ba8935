"""When a digest is due, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from newsletter.subscriptions import parsers
from newsletter.subscriptions.schedule import due_day, last_due, next_due

SATURDAY = 5


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_the_next_digest_is_today_when_its_hour_is_still_to_come() -> None:
    due = next_due(
        frequency="daily", weekday=0, hour=8, timezone="Europe/Berlin", after=at("2026-03-11T06:59")
    )
    assert due == at("2026-03-11T07:00")


def test_the_next_digest_is_tomorrow_when_its_hour_has_come() -> None:
    due = next_due(
        frequency="daily", weekday=0, hour=8, timezone="Europe/Berlin", after=at("2026-03-11T07:00")
    )
    assert due == at("2026-03-12T07:00")


def test_a_weekday_digest_jumps_over_the_weekend() -> None:
    friday_noon = at("2026-03-13T12:00")
    due = next_due(frequency="weekdays", weekday=0, hour=8, timezone="UTC", after=friday_noon)
    assert due == at("2026-03-16T08:00")


def test_a_weekly_digest_comes_on_its_day_in_the_reader_s_zone() -> None:
    due = next_due(
        frequency="weekly", weekday=0, hour=1, timezone="Asia/Kolkata", after=at("2026-03-11T00:00")
    )
    assert due == at("2026-03-15T19:30")
    assert due_day(due, "Asia/Kolkata").weekday() == 0


def test_an_hour_that_the_clock_skips_moves_to_the_next_one() -> None:
    due = next_due(
        frequency="daily", weekday=0, hour=2, timezone="Europe/Berlin", after=at("2026-03-28T12:00")
    )
    assert due == at("2026-03-29T01:00")


def test_the_last_due_moment_is_never_after_the_moment_asked_for() -> None:
    moment = at("2026-03-11T07:00")
    timetable: dict[str, Any] = {
        "frequency": "daily",
        "weekday": 0,
        "hour": 8,
        "timezone": "Europe/Berlin",
    }
    assert last_due(**timetable, before=moment) == moment
    assert last_due(**timetable, before=moment - timedelta(minutes=1)) == at("2026-03-10T07:00")


def test_an_hour_that_the_clock_skips_at_the_end_of_a_day_moves_to_its_last_minute() -> None:
    days: dict[str, Any] = {"frequency": "daily", "weekday": 0, "timezone": "America/Nuuk"}
    saturday = next_due(**days, hour=23, after=at("2026-03-28T02:00"))
    assert saturday == at("2026-03-29T00:59")  # 22:59 in Nuuk; 23:00 does not exist.
    sunday = next_due(**days, hour=23, after=saturday)
    assert sunday == at("2026-03-30T00:00")
    assert last_due(**days, hour=23, before=at("2026-03-29T12:00")) == saturday


def offsets(zone: str) -> tuple[timedelta | None, ...]:
    """The offsets from UTC in two years, every six hours: zones that share them are alike."""
    begin, info = at("2026-01-01T00:00"), ZoneInfo(zone)
    steps = (begin + timedelta(hours=6 * step) for step in range(4 * 2 * 366))
    return tuple(moment.astimezone(info).utcoffset() for moment in steps)


@cache
def zones() -> list[tuple[str, tuple[timedelta | None, ...]]]:
    """One of all the zones that are alike, with its offsets."""
    alike = {offsets(zone): zone for zone in sorted(parsers.timezones().values())}
    return [(zone, steps) for steps, zone in alike.items()]


def days_of(frequency: str, hour: int, zone: str, begin: datetime, end: datetime) -> list[date]:
    moment, days = begin, []
    while (
        moment := next_due(
            frequency=frequency, weekday=SATURDAY, hour=hour, timezone=zone, after=moment
        )
    ) < end:
        days.append(due_day(moment, zone))
    return days


def expected(frequency: str, first: date, last: date) -> list[date]:
    all_days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    wanted = {"daily": range(7), "weekdays": range(5), "weekly": [SATURDAY]}[frequency]
    return [day for day in all_days if day.weekday() in wanted]


@pytest.mark.parametrize("hour", [0, 2, 8, 23])
def test_two_years_give_one_digest_for_every_day_in_every_zone(hour: int) -> None:
    assert len(zones()) > 50
    for zone, _ in zones():
        days = days_of("daily", hour, zone, at("2026-01-01T00:00"), at("2027-12-31T00:00"))
        assert days == expected("daily", days[0], days[-1]), zone


@pytest.mark.parametrize("frequency", ["daily", "weekdays", "weekly"])
@pytest.mark.parametrize("hour", range(24))
def test_every_change_of_a_clock_in_two_years_keeps_one_digest_for_every_day(
    frequency: str, hour: int
) -> None:
    changes = 0
    for zone, steps in zones():
        for number, (before, after) in enumerate(pairwise(steps)):
            if before == after:
                continue
            changes += 1
            change = at("2026-01-01T00:00") + timedelta(hours=6 * number)
            begin, end = change - timedelta(days=8), change + timedelta(days=8)
            days = days_of(frequency, hour, zone, begin, end)
            assert days == expected(frequency, days[0], days[-1]), (zone, change)
            assert len(days) >= {"daily": 15, "weekdays": 10, "weekly": 2}[frequency]
    assert changes > 100
