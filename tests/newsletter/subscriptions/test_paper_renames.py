"""A paper gets its arXiv id late, and everything that refers to it follows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.utils.timezone import now
from pytest_django import Settings

from newsletter.digests import assembly, claims
from newsletter.models import Digest, Interest
from newsletter.subscriptions import parsers
from papers.ingest.renames import papers_renamed
from papers.ingest.upsert import upsert
from papers.models import Edition, Paper
from papers.sources.record import PaperRecord
from papers.text import identifiers
from tests.factories import a_digest, a_paper, a_subscriber, an_edition, rename

pytestmark = pytest.mark.django_db
OLD, NEW = "t-0123456789ab", "2503.01234"


@pytest.fixture
def paper() -> Paper:
    return a_paper(canonical_id=OLD)


def ratings() -> list[tuple[str, str]]:
    return list(Interest.objects.order_by("pk").values_list("kind", "value"))


def test_likes_and_dislikes_get_the_new_id_and_keep_their_age(paper: Paper) -> None:
    since = now() - timedelta(days=9)
    for kind in ("like", "dislike"):
        Interest.objects.create(subscriber=a_subscriber(), kind=kind, value=OLD, created_at=since)
    rename(paper, NEW)
    assert ratings() == [("like", NEW), ("dislike", NEW)]
    assert set(Interest.objects.values_list("created_at", flat=True)) == {since}


def test_a_like_of_both_ids_becomes_one(paper: Paper) -> None:
    subscriber = a_subscriber()
    for value in (OLD, NEW):
        Interest.objects.create(subscriber=subscriber, kind="like", value=value)
    rename(paper, NEW)
    assert ratings() == [("like", NEW)]


def test_of_a_like_and_a_later_dislike_of_one_paper_the_dislike_stays(paper: Paper) -> None:
    subscriber = a_subscriber()
    Interest.objects.create(subscriber=subscriber, kind="like", value=OLD)
    Interest.objects.create(subscriber=subscriber, kind="dislike", value=NEW)
    rename(paper, NEW)
    assert ratings() == [("dislike", NEW)]


def test_words_that_look_like_the_old_id_stay(paper: Paper) -> None:
    Interest.objects.create(subscriber=a_subscriber(), kind="text", value=OLD)
    rename(paper, NEW)
    assert ratings() == [("text", OLD)]


def test_digests_name_the_new_id_and_nothing_else_in_them_changes(paper: Paper) -> None:
    items = [
        {"paper": OLD, "reason": f'because you liked "{OLD}"', "slot": "personal", "score": 0.25},
        {"paper": f"{OLD}c", "reason": "new", "slot": "trending", "score": 1.0, "note": "é “"},
    ]
    digest = a_digest(items=items)
    rename(paper, NEW)
    digest.refresh_from_db()
    assert digest.items == [{**items[0], "paper": NEW}, items[1]]


def test_digests_from_before_the_paper_was_known_are_not_read(paper: Paper) -> None:
    old = a_digest(items=[{"paper": OLD}], due_at=now() - timedelta(days=30))
    rename(paper, NEW)
    old.refresh_from_db()
    assert old.items == [{"paper": OLD}]


def test_editions_name_the_new_id(paper: Paper) -> None:
    other = a_paper()
    an_edition(other, paper)
    rename(paper, NEW)
    assert [entry["paper"] for entry in Edition.objects.get().entries] == [other.canonical_id, NEW]


def test_a_list_that_names_the_old_id_means_the_paper(paper: Paper, settings: Settings) -> None:
    rename(paper, NEW)
    assert parsers.paper_ids(f"{OLD}\n{settings.SITE_URL}/papers/{OLD}/") == [NEW]


def test_references_stay_when_the_new_id_is_not_stored(paper: Paper) -> None:
    Interest.objects.create(subscriber=a_subscriber(), kind="like", value=OLD)

    def fail(**_: object) -> None:
        raise DatabaseError("full")

    Paper.objects.update(title_key=identifiers.title_key(paper.title))
    record = PaperRecord(title=paper.title, arxiv_id=NEW, authors=tuple(paper.authors))
    papers_renamed.connect(fail, weak=False)
    try:
        assert upsert([record], source="test").rejected == 1
    finally:
        papers_renamed.disconnect(fail)
    paper.refresh_from_db()
    assert (paper.canonical_id, ratings()) == (OLD, [("like", OLD)])


def test_a_dry_run_renames_nothing(paper: Paper) -> None:
    Interest.objects.create(subscriber=a_subscriber(), kind="like", value=OLD)
    Paper.objects.update(title_key=identifiers.title_key(paper.title))
    record = PaperRecord(title=paper.title, arxiv_id=NEW, authors=tuple(paper.authors))
    assert upsert([record], source="test", dry_run=True).updated == 1
    assert ratings() == [("like", OLD)]


def test_a_run_that_began_before_the_renaming_writes_the_new_id(
    paper: Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "READERS_AT_ONCE", 1)
    for _ in range(2):
        a_subscriber()
    portions = iter([False, True])

    def rename_before_the_second_portion() -> bool:
        if next(portions, False):
            rename(paper, NEW)
        return False

    assembly.assemble(now(), until=rename_before_the_second_portion)
    assert [digest.items[0]["paper"] for digest in Digest.objects.all()] == [NEW, NEW]
