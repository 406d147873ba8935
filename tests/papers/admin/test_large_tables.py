"""Lists of the admin whose tables are too large to be counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from newsletter.models import DeliveryEvent
from papers.admin import large_tables
from papers.admin.base import url_of_list
from papers.admin.large_tables import EstimatingPaginator, periods, with_periods
from papers.models import Paper
from tests.factories import a_paper

pytestmark = pytest.mark.django_db


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of three rows is large."""
    monkeypatch.setattr(large_tables, "MOST_COUNTED", 2)


def starts(kind: str) -> list[str]:
    first, last = datetime(2024, 12, 30, 9, tzinfo=UTC), datetime(2026, 1, 2, 1, tzinfo=UTC)
    return [f"{moment:%Y-%m-%d}" for moment in periods(first, last, kind)]


def test_periods_are_all_those_from_the_first_row_to_the_last() -> None:
    assert starts("year") == ["2024-01-01", "2025-01-01", "2026-01-01"]
    assert starts("month")[:3] == ["2024-12-01", "2025-01-01", "2025-02-01"]
    assert len(starts("month")) == 14
    assert starts("day")[:3] == ["2024-12-30", "2024-12-31", "2025-01-01"]
    assert starts("day")[-1] == "2026-01-02"


def days() -> list[int]:
    rows = with_periods(Paper.objects.all())
    return [moment.day for moment in rows.datetimes("announced_at", "day")]


def test_a_small_table_offers_the_days_that_have_rows() -> None:
    for day in (3, 6):
        a_paper(announced_at=datetime(2026, 3, day, tzinfo=UTC))
    assert days() == [3, 6]


def test_a_large_table_offers_the_days_between(few: None) -> None:
    for day in (3, 3, 6):
        a_paper(announced_at=datetime(2026, 3, day, tzinfo=UTC))
    assert days() == [3, 4, 5, 6]


def test_few_rows_are_counted() -> None:
    for _ in range(3):
        a_paper()
    assert EstimatingPaginator(Paper.objects.order_by("pk"), 2).count == 3
    assert EstimatingPaginator([1, 2], 2).count == 2


def test_many_rows_are_estimated_where_the_database_can(few: None) -> None:
    for _ in range(4):
        a_paper()
    with CaptureQueriesContext(connection) as queries:
        count = EstimatingPaginator(Paper.objects.order_by("pk"), 2).count
    assert count >= 3
    asked = " ".join(query["sql"] for query in queries)
    assert ("EXPLAIN" in asked) == (connection.vendor == "postgresql")


def test_filters_of_events_offer_the_values_of_recent_ones(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_tables, "RECENT_ROWS", 2)
    for hours, kind in ((3, "opened"), (2, "delivered"), (1, "bounced")):
        DeliveryEvent.objects.create(
            provider="ses",
            event_key=kind,
            type=kind,
            occurred_at=now(),
            received_at=now() - timedelta(hours=hours),
        )
    page = admin_client.get(url_of_list(DeliveryEvent)).content.decode()
    assert "type=bounced" in page
    assert "type=delivered" in page
    assert "type=opened" not in page
