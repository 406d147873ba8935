"""A dry run says of every row what then happens, also of addresses that come again."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter.models import Consent, Subscriber, Suppression
from newsletter.subscriptions import csv_import, csv_rows
from newsletter.subscriptions.csv_files import RowResult
from newsletter.subscriptions.csv_import import ImportOptions

OWN = ("email", "status", "confirmed_at", "consent_source", "size")
BUTTONDOWN = ("email", "type", "creation_date", "confirmation_date")
CELLS = {
    "email": ("a@example.org", "A@Example.org", "b@example.org", "c+tag@example.org", "none"),
    "status": ("", "active", "pending", "paused", "unsubscribed", "suppressed"),
    "confirmed_at": ("", "2025-03-11T08:00:00Z"),
    "consent_source": ("", "form"),
    "size": ("7", "9"),
    "type": ("regular", "unsubscribed", "undeliverable"),
    "creation_date": ("2025-03-11",),
    "confirmation_date": ("", "11.03.2025", "05/06/2025"),
}


@pytest.mark.django_db
@pytest.mark.parametrize("columns", [OWN, BUTTONDOWN], ids=["own", "buttondown"])
@pytest.mark.parametrize("seed", range(20))
def test_a_dry_run_says_what_then_happens(
    tmp_path: Path, columns: tuple[str, ...], seed: int
) -> None:
    chance = random.Random(seed)
    rows = [",".join(chance.choice(CELLS[name]) for name in columns) for _ in range(12)]
    file = tmp_path / "list.csv"
    file.write_text("\n".join([",".join(columns), *rows]))

    def run(*, dry_run: bool) -> list[RowResult]:
        opened = csv_rows.open_list(file, "auto")
        results: list[RowResult] = []
        options = ImportOptions("test", opened.preset, dry_run=dry_run)
        counts = csv_import.import_table(opened.table, options, results.append)
        assert sum(counts.values()) == len(results) == 12
        return sorted(results)

    planned = run(dry_run=True)
    assert not Subscriber.objects.exists()
    assert not Suppression.objects.exists()
    assert not Consent.objects.exists()
    assert planned == run(dry_run=False)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2023-05-06 07:08:09", 6),
        ("2023-05-06T07:08:09.123+00:00", 6),
        ("2023-05-06 07:08:09 UTC", 6),
        ("06.05.2023 07:08", 6),
        ("2023/05/06", 6),
        ("May 6, 2023 7:08 am", 6),
        ("6 May 2023", 6),
        ("05/25/2023 7:08 AM", 25),
        ("25/05/2023", 25),
        ("05/05/2023", 5),
    ],
)
def test_a_time_of_another_service_is_read_where_it_can_be_one_only(text: str, day: int) -> None:
    moment = csv_rows.foreign_time(text)
    assert moment is not None
    assert moment.date() == datetime(2023, 5, day, tzinfo=UTC).date()


@pytest.mark.parametrize("text", ["", "05/06/2023", "6/5/23", "1683356889", "yes", "06.05.2123"])
def test_a_time_that_could_be_two_proves_nothing(text: str) -> None:
    assert csv_rows.foreign_time(text) is None
