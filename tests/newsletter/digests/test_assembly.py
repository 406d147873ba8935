"""Who is due, what they get, and that nobody gets anything twice."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections
from django.utils.timezone import now
from pytest_django import DjangoAssertNumQueries

from newsletter.digests import assembly, claims, profiles
from newsletter.models import Digest, Interest, Subscriber
from papers.models import Paper
from tests.factories import a_paper, a_subscriber, rename

State = Digest.State


def papers_of(digest: Digest) -> list[str]:
    return [item["paper"] for item in digest.items]


@pytest.mark.django_db
class TestAssembling:
    def test_a_due_subscriber_gets_one_row_and_a_new_due_date(self) -> None:
        a_paper()
        person = a_subscriber()
        at = now()
        assert len(assembly.assemble(at)) == 1
        assert assembly.assemble(at) == []
        person.refresh_from_db()
        assert person.next_digest_at is not None
        assert person.next_digest_at > at
        digest = Digest.objects.get()
        assert digest.state == State.QUEUED
        assert len(digest.items) == 1

    def test_a_digest_says_which_searches_found_nothing_new(self) -> None:
        a_paper(title="Coral reefs from space")
        person = a_subscriber()
        for text in ("sign language", "coral reefs"):
            Interest.objects.create(subscriber=person, kind="text", value=text)
        assert assembly.preview(person, now()).remark == "Nothing new on “sign language”."

    def test_a_digest_says_in_which_fields_nothing_was_new(self) -> None:
        a_paper(title="Coral reefs from space", categories=["cs.CV"], primary_category="cs.CV")
        person = a_subscriber()
        for field in ("math.AG", "cs.CV", "econ"):
            Interest.objects.create(subscriber=person, kind="topic", value=field)
        found = assembly.preview(person, now())
        assert found.remark == "Nothing new in math.AG, in econ."
        assert len(found.items) == 1

    def test_after_a_pause_a_digest_says_since_when_it_catches_up(self) -> None:
        a_paper()
        person = a_subscriber()
        last = now() - timedelta(days=9)
        items = [{"paper": "2503.99999", "reason": "", "slot": "personal", "score": 1.0}]
        Digest.objects.create(
            subscriber=person, due_on=last, due_at=last, state=State.SENT, items=items
        )
        remark = assembly.preview(person, now()).remark
        assert remark == f"A catch-up, with what came since {last.day} {last:%B}."

    def test_two_parts_new_since_the_last_digest_and_rising(self) -> None:
        at = now()
        new = a_paper(title="Coral reefs", announced_at=at - timedelta(hours=2))
        rising = a_paper(title="Variable stars", announced_at=at - timedelta(days=2))
        a_paper(title="Robots fold cloth", announced_at=at - timedelta(days=11))
        person = a_subscriber()
        last = at - timedelta(days=1)
        Digest.objects.create(subscriber=person, due_on=last, due_at=last, state=State.SENT)
        items = assembly.preview(person, at).items
        assert [(item["paper"], item["part"]) for item in items] == [
            (new.canonical_id, "new"),
            (rising.canonical_id, "rising"),
        ]

    @pytest.mark.parametrize("status", ["pending", "paused", "unsubscribed", "suppressed"])
    def test_only_active_subscribers_are_due(self, status: str) -> None:
        a_paper()
        a_subscriber(status=status)
        assert assembly.assemble(now()) == []

    def test_somebody_with_nothing_to_read_is_skipped_with_the_reason(self) -> None:
        a_subscriber()
        assembly.assemble(now())
        digest = Digest.objects.get()
        assert (digest.state, digest.reason) == (State.SKIPPED, "There are no papers yet.")

    def test_a_digest_assembled_late_may_leave_no_later_than_one_assembled_in_time(self) -> None:
        a_paper()
        at = now()
        due_at = at - timedelta(hours=11, minutes=59)
        a_subscriber(next_digest_at=due_at, hour=(at + timedelta(hours=2)).hour)
        assembly.assemble(at)
        digest = Digest.objects.get()
        assert digest.state == State.QUEUED
        assert digest.expires_at == due_at + timedelta(hours=12)

    def test_two_due_dates_on_one_day_give_one_digest(self) -> None:
        a_paper()
        person = a_subscriber(hour=23)
        at = datetime.now(UTC).replace(hour=9, minute=0)
        Subscriber.objects.update(next_digest_at=at)
        assembly.assemble(at)
        assembly.assemble(at.replace(hour=23, minute=30))
        assert Digest.objects.filter(subscriber=person).count() == 1

    def test_a_first_digest_before_the_regular_hour_is_the_day_s_only_one(self) -> None:
        a_paper()
        night = now().replace(hour=3, minute=31)
        person = a_subscriber(hour=8, next_digest_at=night)
        assembly.assemble(night)
        person.refresh_from_db()
        tomorrow = night + timedelta(days=1)
        assert person.next_digest_at == tomorrow.replace(hour=8, minute=0, second=0, microsecond=0)

    def test_a_day_missed_by_too_much_is_recorded_as_skipped(self) -> None:
        a_paper()
        at = datetime.now(UTC).replace(hour=23)
        a_subscriber(hour=8, next_digest_at=at.replace(hour=8, minute=0) - timedelta(days=3))
        assembly.assemble(at)
        digest = Digest.objects.get()
        assert digest.state == State.SKIPPED
        assert digest.reason.startswith("Missed")
        assert digest.due_on == at.date()

    def test_a_person_who_names_the_time_gets_the_late_digest_too(self) -> None:
        a_paper()
        at = datetime.now(UTC).replace(hour=23)
        a_subscriber(hour=8, next_digest_at=at - timedelta(days=3))
        assembly.assemble(at, punctual=False)
        assert Digest.objects.get().state == State.QUEUED

    def test_a_preview_is_what_the_digest_will_be_and_stores_nothing(self) -> None:
        for _ in range(3):
            a_paper()
        person = a_subscriber(size=2)
        preview = assembly.preview(person, now())
        assert not Digest.objects.exists()
        assembly.assemble(now())
        assert papers_of(Digest.objects.get()) == papers_of(preview)

    def test_the_editor_s_note_travels_with_the_pick(self) -> None:
        a_paper(picked_at=now(), editor_note="Read section 4 first.")
        preview = assembly.preview(a_subscriber(), now())
        assert preview.items[0]["slot"] == "pick"
        assert preview.items[0]["note"] == "Read section 4 first."

    def test_the_number_of_queries_does_not_grow_with_the_subscribers(
        self, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        liked = a_paper()
        for _ in range(5):
            a_paper()
        for _ in range(60):
            Interest.objects.create(
                subscriber=a_subscriber(), kind=Interest.Kind.LIKE, value=liked.canonical_id
            )
        Subscriber.objects.update(next_digest_at=now())
        with django_assert_max_num_queries(22):
            assert len(assembly.assemble(now())) == 60

    def test_a_paper_that_came_since_the_last_scoring_has_a_reason_too(self) -> None:
        a_paper(announced_at=datetime(2026, 3, 9, tzinfo=UTC))
        (item,) = assembly.preview(a_subscriber(), datetime(2026, 3, 9, 8, tzinfo=UTC)).items
        assert item["reason"] == "Computation and language: the only one listed on 9 March"


@pytest.mark.django_db
class TestNeverAgain:
    def test_thirty_days_bring_no_paper_twice(self) -> None:
        person = a_subscriber(size=5)
        start = datetime.now(UTC).replace(hour=12)
        for number in range(90):
            a_paper(announced_at=start + timedelta(hours=8 * number))
        for day in range(30):
            at = start + timedelta(days=day)
            assembly.assemble(at, punctual=False)
        Digest.objects.exclude(state=State.SKIPPED).update(state=State.SENT)
        sent = [p for d in Digest.objects.filter(subscriber=person) for p in papers_of(d)]
        assert len(sent) > 50
        assert len(sent) == len(set(sent))

    def test_a_paper_that_gained_its_arxiv_id_is_not_sent_again(self) -> None:
        paper = a_paper(canonical_id="t-0123456789ab")
        person = a_subscriber()
        assembly.assemble(now())
        rename(paper, "2603.00001")
        Digest.objects.update(due_on=now().date() - timedelta(days=1), state=State.SENT)
        assert assembly.preview(person, now()).state == State.SKIPPED

    def test_nobody_gets_what_they_wrote_themselves(self) -> None:
        a_paper(authors=["Grace Hopper", "Ada Byron"])
        other = a_paper(authors=["Ada Lovelace"])
        person = a_subscriber()
        Interest.objects.create(subscriber=person, kind="name", value="Byron, A.")
        assert papers_of(assembly.preview(person, now())) == [other.canonical_id]

    @pytest.mark.parametrize("rating", ["like", "dislike"])
    def test_a_rated_paper_that_gained_its_arxiv_id_never_comes(self, rating: str) -> None:
        paper = a_paper(canonical_id="t-0123456789ab")
        a_paper()
        person = a_subscriber()
        Interest.objects.create(subscriber=person, kind=rating, value="t-0123456789ab")
        rename(paper, "2603.00001")
        assert "2603.00001" not in papers_of(assembly.preview(person, now()))

    def test_the_profiles_of_many_take_one_query_and_know_the_ages_of_likes(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        people = [a_subscriber() for _ in range(3)]
        for number, person in enumerate(people):
            like = {"subscriber": person, "kind": "like", "value": f"2603.0000{number}"}
            Interest.objects.create(**like, created_at=now() - timedelta(days=9))
        with django_assert_num_queries(1):
            found = profiles.profiles_of(people, now())
        for number, person in enumerate(people):
            assert found[person.pk].likes == [f"2603.0000{number}"]
            assert round(found[person.pk].ages[f"2603.0000{number}"]) == 9

    def test_a_liked_paper_of_last_year_is_read_under_its_new_id(self) -> None:
        old = a_paper(canonical_id="t-0123456789ab", title="Coral reefs")
        Paper.objects.filter(pk=old.pk).update(announced_at=now() - timedelta(days=400))
        near = a_paper(title="Coral reefs from space")
        for title in ("Variable stars", "Sparse graphs", "Quantum wires", "Deep drilling"):
            a_paper(title=title)
        person = a_subscriber()
        Interest.objects.create(subscriber=person, kind="like", value="t-0123456789ab")
        rename(old, "2603.00001")
        first, *_ = assembly.preview(person, now()).items
        assert (first["paper"], first["slot"]) == (near.canonical_id, "personal")
        assert first["reason"].startswith("like “Coral reefs”, which you liked")

    def test_papers_of_a_cancelled_digest_may_come_again(self) -> None:
        a_paper()
        person = a_subscriber()
        assembly.assemble(now())
        Digest.objects.update(due_on=now().date() - timedelta(days=1), state=State.CANCELLED)
        assert assembly.preview(person, now()).items


@pytest.mark.django_db(transaction=True)
def test_eight_schedulers_at_once_leave_one_row_each() -> None:
    for _ in range(4):
        a_paper()
    for _ in range(10):
        a_subscriber()
    at = now()
    barrier = threading.Barrier(8)

    def assemble(_: int) -> None:
        barrier.wait()
        try:
            assembly.assemble(at)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(assemble, range(8)))
    assert Digest.objects.count() == 10
    assert Subscriber.objects.filter(next_digest_at__gt=at).count() == 10


@pytest.mark.django_db
def test_everybody_gets_a_digest_in_however_many_portions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(claims, "READERS_AT_ONCE", 3)
    a_paper()
    for _ in range(20):
        a_subscriber()
    assert len(assembly.assemble(now())) == 20
    assert Digest.objects.count() == 20
