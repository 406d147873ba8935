"""The digests that count as a reader's history."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now

from newsletter.digests.history import histories_of
from tests.factories import a_digest, a_subscriber

pytestmark = pytest.mark.django_db


def papers(written_days_ago: int, due_days_ago: int) -> set[str]:
    """The papers known of a reader with one digest, where candidates are ten days old."""
    person, moment = a_subscriber(), now()
    due = moment - timedelta(days=due_days_ago)
    a_digest(
        to=person,
        due_at=due,
        due_on=due.date(),
        created_at=moment - timedelta(days=written_days_ago),
        items=[{"paper": "2503.00001"}],
    )
    return histories_of([person], moment - timedelta(days=10), moment)[person.pk].papers


def test_a_digest_counts_that_was_written_since_the_first_candidate_was_known() -> None:
    assert papers(written_days_ago=9, due_days_ago=9) == {"2503.00001"}


def test_an_older_digest_does_not_count() -> None:
    assert papers(written_days_ago=11, due_days_ago=11) == set()


def test_a_weekly_digest_that_was_written_a_week_after_its_due_day_counts() -> None:
    assert papers(written_days_ago=9, due_days_ago=9 + 7) == {"2503.00001"}
