"""Due readers are claimed in their rows, so that workers share them."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from django.db import connections
from django.utils.timezone import now

from newsletter.digests import assembly, claims, run_papers
from newsletter.models import Digest, Interest, Subscriber
from papers.recommend import loader
from tests.factories import a_paper, a_subscriber


def due() -> list[int]:
    """The ids of those who are due and whom nobody has claimed."""
    return sorted(claims.free(claims.due(now())).values_list("pk", flat=True))


@pytest.mark.django_db(transaction=True)
def test_eight_workers_share_the_readers_and_none_is_claimed_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(claims, "READERS_AT_ONCE", 3)
    everybody = {a_subscriber().pk for _ in range(30)}
    barrier = threading.Barrier(8)

    def claim(_: int) -> list[int]:
        barrier.wait()
        mine: list[int] = []
        try:
            while chunk := claims.take(claims.due(now())):
                mine += [reader.pk for reader in chunk]
        finally:
            connections.close_all()
        return mine

    with ThreadPoolExecutor(8) as pool:
        taken = Counter(pk for mine in pool.map(claim, range(8)) for pk in mine)
    assert max(taken.values()) == 1
    assert taken.keys() | set(due()) == everybody


@pytest.mark.django_db
class TestClaims:
    def test_who_is_claimed_is_left_alone_until_the_claim_is_over(self) -> None:
        person = a_subscriber()
        [claimed] = claims.take(claims.due(now()))
        assert claimed.pk == person.pk
        assert claims.take(claims.due(now())) == []
        Subscriber.objects.update(assembling_until=now() - timedelta(seconds=1))
        assert [reader.pk for reader in claims.take(claims.due(now()))] == [person.pk]

    def test_a_claim_that_a_wrong_clock_stored_is_not_believed(self) -> None:
        person = a_subscriber(assembling_until=now() + timedelta(days=1))
        assert due() == [person.pk]
        assert not claims.are_held(claims.due(now()))

    def test_slices_are_bounds_of_those_whom_nobody_has_claimed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(claims, "READERS_AT_ONCE", 2)
        ids = [a_subscriber().pk for _ in range(7)]
        claims.take(claims.due(now()))
        assert list(claims.slices(claims.due(now()))) == [
            (ids[2], ids[3]),
            (ids[4], ids[5]),
            (ids[6], ids[6]),
        ]


@pytest.mark.django_db
class TestSlices:
    def test_a_slice_writes_the_digests_between_its_bounds_and_no_others(self) -> None:
        a_paper()
        ids = [a_subscriber().pk for _ in range(5)]
        assert len(assembly.assemble_slice(ids[1], ids[3])) == 3
        assert set(Digest.objects.values_list("subscriber", flat=True)) == set(ids[1:4])
        assert due() == [ids[0], ids[4]]
        assert assembly.assemble_slice(ids[1], ids[3]) == []

    def test_a_claim_ends_with_the_digest(self) -> None:
        a_paper()
        a_subscriber()
        assembly.assemble_slice()
        assert Subscriber.objects.get().assembling_until is None

    def test_a_slice_that_breaks_off_gives_its_readers_back(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        a_paper()
        person = a_subscriber()
        with monkeypatch.context() as patch:
            patch.setattr(assembly, "profiles_of", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                assembly.assemble_slice()
        assert due() == [person.pk]

    def test_slices_of_one_catalogue_share_the_papers_and_a_new_paper_is_seen(self) -> None:
        first = a_paper(title="Coral reefs", abstract="Seen from space.")
        a_subscriber()
        assembly.assemble_slice()
        second = a_paper(title="Robots", abstract="They fold cloth.")
        a_subscriber()
        assembly.assemble_slice()
        chosen = [
            [item["paper"] for item in digest.items] for digest in Digest.objects.order_by("pk")
        ]
        assert chosen[0] == [first.canonical_id]
        assert set(chosen[1]) == {first.canonical_id, second.canonical_id}

    def test_the_papers_are_read_before_the_readers_are_due(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        a_paper()
        assert not run_papers.prepare(now())
        a_subscriber(next_digest_at=now() + timedelta(seconds=30))
        assert run_papers.prepare(now())
        monkeypatch.setattr(loader, "build", lambda *_: 1 / 0)
        with time_machine.travel(now() + timedelta(seconds=31)):
            assert len(assembly.assemble_slice()) == 1

    def test_a_like_that_the_kept_papers_lack_is_read(self) -> None:
        old = a_paper(title="Coral reefs from space", announced_at=now() - timedelta(days=90))
        a_paper(title="Sign language")
        near = a_paper(title="Coral reefs seen from space again")
        a_subscriber()
        assembly.assemble_slice()
        person = a_subscriber()
        Interest.objects.create(subscriber=person, kind="like", value=old.canonical_id)
        assembly.assemble_slice()
        items = Digest.objects.get(subscriber=person).items
        assert items[0]["paper"] == near.canonical_id
        assert "Coral reefs from space" in items[0]["reason"]
