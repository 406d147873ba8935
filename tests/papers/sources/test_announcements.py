"""When a paper was announced, where its source tells only the submission."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
import time_machine

from papers.ingest.upsert import upsert
from papers.models import Paper
from papers.sources.arxiv import announcement_of
from papers.sources.record import PaperRecord

SATURDAY = datetime(2025, 3, 8, 11, tzinfo=UTC)
RECORD = PaperRecord("A Study", "Short.", arxiv_id="2503.01234", published_at=SATURDAY)


@pytest.mark.parametrize(
    ("submitted", "announced"),
    [
        ("2025-03-10T17:59", "2025-03-11T00:00"),  # Monday before the deadline, summer time
        ("2025-03-10T18:00", "2025-03-12T00:00"),  # Monday at the deadline
        ("2025-03-13T18:30", "2025-03-17T00:00"),  # Thursday afternoon: Sunday evening
        ("2025-03-14T17:59", "2025-03-17T00:00"),  # Friday before the deadline: likewise
        ("2025-03-14T18:00", "2025-03-18T00:00"),  # Friday afternoon: Monday evening
        ("2025-03-08T11:00", "2025-03-11T00:00"),  # Saturday, over the change of the clocks
        ("2025-03-16T23:00", "2025-03-18T00:00"),  # Sunday
        ("2025-01-15T18:59", "2025-01-16T01:00"),  # Wednesday, winter time
        ("2025-01-15T19:00", "2025-01-17T01:00"),
    ],
)
def test_a_submission_is_announced_by_the_schedule_of_arxiv(submitted: str, announced: str) -> None:
    at = datetime.fromisoformat(submitted).replace(tzinfo=UTC)
    assert announcement_of(at).isoformat() == f"{announced}:00+00:00"


@pytest.mark.django_db
class TestRows:
    def test_a_submission_of_saturday_makes_no_announcement_on_a_saturday(self) -> None:
        upsert([RECORD], source="archive")
        assert Paper.objects.get().announced_at == datetime(2025, 3, 11, tzinfo=UTC)

    def test_the_feed_dates_the_same_paper_on_the_same_day(self) -> None:
        upsert([RECORD], source="archive")
        midnight_in_new_york = datetime(2025, 3, 11, 4, tzinfo=UTC)
        upsert([replace(RECORD, announced_at=midnight_in_new_york)], source="archive")
        assert Paper.objects.get().announced_at.date() == midnight_in_new_york.date()

    def test_no_announcement_lies_after_the_day_the_paper_was_seen(self) -> None:
        with time_machine.travel(SATURDAY, tick=False):
            upsert([RECORD], source="archive")
        assert Paper.objects.get().announced_at == SATURDAY

    def test_a_paper_from_elsewhere_counts_from_its_publication(self) -> None:
        upsert([replace(RECORD, arxiv_id="")], source="archive")
        assert Paper.objects.get().announced_at == SATURDAY
