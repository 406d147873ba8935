"""When a digest is due, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from newsletter.subscriptions.schedule import due_day, last_due, next_due

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
]


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


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("hour", [0, 2, 8, 23])
def test_two_years_give_one_digest_for_every_day(zone: str, hour: int) -> None:
    moment = at("2026-01-01T00:00")
    days = []
    while moment < at("2028-01-01T00:00"):
        moment = next_due(frequency="daily", weekday=0, hour=hour, timezone=zone, after=moment)
        days.append(due_day(moment, zone))
    assert len(days) == len(set(days))
    assert [day + timedelta(days=1) for day in days[:-1]] == days[1:]
