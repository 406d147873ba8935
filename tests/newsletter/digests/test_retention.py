"""Old digests are deleted, and none of their papers comes again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now
from pytest_django import Settings

from newsletter import tasks
from newsletter.digests import assembly, retention
from newsletter.models import DeliveryEvent, Digest, Subscriber
from tests.factories import a_digest, a_paper, a_subscriber

pytestmark = pytest.mark.django_db
State = Digest.State


@pytest.fixture(autouse=True)
def hundred_days(settings: Settings) -> None:
    settings.DIGEST_DAYS = 100


def of(days: int, **fields: object) -> Digest:
    """A digest of so many days ago."""
    moment = now() - timedelta(days=days)
    values = {"state": State.SENT, "created_at": moment, "due_at": moment, "due_on": moment.date()}
    return a_digest(**(values | fields))


def kept() -> set[int]:
    return set(Digest.objects.values_list("pk", flat=True))


def test_the_hourly_job_deletes_what_is_older(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "DELETIONS_PER_TRANSACTION", 2)
    for state in retention.FINISHED:
        of(101, state=state)
    fresh = of(99)
    tasks.clean_up()
    assert kept() == {fresh.pk}


def test_nothing_goes_that_may_still_be_sent() -> None:
    waiting = {of(200, state=state).pk for state in (State.QUEUED, State.CLAIMED, State.SENDING)}
    assert retention.delete_old_digests() == 0
    assert kept() == waiting


def test_a_digest_that_was_written_late_is_as_old_as_its_writing() -> None:
    late = of(101, created_at=now())
    assert retention.delete_old_digests() == 0
    assert kept() == {late.pk}


def test_events_stay_without_their_digest() -> None:
    event = DeliveryEvent.objects.create(
        provider="x", event_key="1", type="delivered", occurred_at=now(), digest=of(101)
    )
    assert retention.delete_old_digests() == 1
    event.refresh_from_db()
    assert event.digest is None


def test_without_a_number_of_days_everything_stays(settings: Settings) -> None:
    settings.DIGEST_DAYS = 0
    of(5000)
    assert retention.delete_old_digests() == 0


def test_the_rest_is_left_for_the_next_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "SECONDS_PER_RUN", -1.0)
    of(101)
    assert retention.delete_old_digests() == 0


def reader(days: int) -> Subscriber:
    """A subscriber of so many days ago."""
    moment = now() - timedelta(days=days)
    return a_subscriber(created_at=moment, confirmed_at=moment)


def sent_papers(person: Subscriber) -> list[str]:
    return [item["paper"] for item in assembly.preview(person, now()).items]


def test_an_old_paper_that_is_picked_anew_is_not_sent_again() -> None:
    old = a_paper(announced_at=now() - timedelta(days=150), first_seen_at=now())
    fresh = a_paper()
    person = reader(200)
    of(140, subscriber=person, items=[{"paper": old.canonical_id, "reason": "new"}])
    retention.delete_old_digests()
    assert not kept()
    old.picked_at = now() - timedelta(hours=1)
    old.save()
    assert sent_papers(person) == [fresh.canonical_id]


def test_who_came_after_the_deleted_digests_gets_an_old_pick() -> None:
    old = a_paper(announced_at=now() - timedelta(days=150), picked_at=now() - timedelta(hours=1))
    assert sent_papers(reader(50)) == [old.canonical_id]


def test_what_old_readers_were_not_sent_is_not_withheld_while_all_digests_are_kept(
    settings: Settings,
) -> None:
    settings.DIGEST_DAYS = 0
    old = a_paper(announced_at=now() - timedelta(days=150), picked_at=now() - timedelta(hours=1))
    assert sent_papers(reader(200)) == [old.canonical_id]
