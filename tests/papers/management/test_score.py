"""``score``: as of which moment, and which are refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command

from papers.models import Edition
from tests.factories import a_paper

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("evening")]


@pytest.fixture
def evening() -> Iterator[None]:
    with time_machine.travel(datetime(2026, 11, 26, 19, tzinfo=UTC), tick=False):
        yield


def score(*arguments: str) -> str:
    out = StringIO()
    call_command("score", *arguments, stdout=out)
    return out.getvalue()


def test_it_prints_counts_and_writes_the_edition_of_today() -> None:
    a_paper(announced_at=datetime(2026, 11, 26, 4, tzinfo=UTC))
    assert score() == "papers=1 changed=1\n"
    assert Edition.objects.get().day == date(2026, 11, 26)


@pytest.mark.parametrize("at", ["2026-11-26T05:00+14:00", "2026-11-25T23:00", "2026-11-25"])
def test_the_edition_is_that_of_the_day_in_utc(at: str) -> None:
    a_paper(announced_at=datetime(2026, 11, 25, 4, tzinfo=UTC))
    score("--at", at)
    assert Edition.objects.get().day == date(2026, 11, 25)


def test_today_without_an_hour_means_now() -> None:
    a_paper(announced_at=datetime(2026, 11, 26, 20, tzinfo=UTC))
    assert score("--at", "2026-11-26") == "papers=0 changed=0\n"


@pytest.mark.parametrize("at", ["2026-11-26T19:01Z", "2026-11-27", "2027-11-26T05:00-05:00"])
def test_a_time_to_come_is_refused(at: str) -> None:
    a_paper()
    with pytest.raises(CommandError, match="is in the future") as refusal:
        score("--at", at)
    assert refusal.value.returncode == 2
    assert not Edition.objects.exists()


@pytest.mark.parametrize(
    "at", ["yesterday", "2026-02-30", "2026-11-26T25:00Z", "0001-01-01", "1969-12-31"]
)
def test_what_is_no_time_is_refused(at: str) -> None:
    with pytest.raises(CommandError, match="is no time") as refusal:
        score("--at", at)
    assert refusal.value.returncode == 2
