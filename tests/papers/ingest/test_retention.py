"""Papers that nobody met go after 90 days; everything that people saw or chose stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from pytest_django import Settings

from newsletter.celery import app
from newsletter.models import Digest, Interest
from papers import tasks
from papers.ingest import retention
from papers.models import Paper, RankedList, Signal, SimilarPapers, Submission
from tests.factories import a_digest, a_paper, a_subscriber, an_edition

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def news() -> Paper:
    """A paper of today, from which ages are counted."""
    return a_paper()


def old(days: int = 91, **fields: Any) -> Paper:
    """A paper that was announced and seen so many days ago."""
    at = now() - timedelta(days=days)
    return a_paper(announced_at=at, first_seen_at=at, **fields)


def remaining() -> set[str]:
    tasks.delete_unmet_papers()
    return set(Paper.objects.values_list("canonical_id", flat=True))


def test_a_paper_that_nobody_met_goes_with_what_was_measured_of_it(news: Paper) -> None:
    gone = old()
    Signal.objects.create(paper=gone, source="hf-daily", name="upvotes", value=3, observed_at=now())
    SimilarPapers.objects.create(paper=gone, similar=[news.pk])
    recent = old(days=89)
    assert remaining() == {news.canonical_id, recent.canonical_id}
    assert not Signal.objects.exists()
    assert not SimilarPapers.objects.exists()


def test_an_old_paper_that_came_into_the_catalogue_lately_stays() -> None:
    late = a_paper(announced_at=now() - timedelta(days=400))
    assert late.canonical_id in remaining()


def test_what_an_editor_dealt_with_stays() -> None:
    kept = [
        old(picked_at=now() - timedelta(days=80)),
        old(hidden=True),
        old(editor_note="Read this."),
        old(editor_summary="It solves the problem."),
    ]
    assert {paper.canonical_id for paper in kept} <= remaining()


def test_what_an_edition_showed_or_somebody_asked_for_stays() -> None:
    shown, asked = old(), old()
    an_edition(shown)
    Submission.objects.create(arxiv_id=asked.canonical_id)
    assert {shown.canonical_id, asked.canonical_id} <= remaining()


def test_an_ended_week_keeps_its_list_and_the_first_ten_of_each_field() -> None:
    papers = [old() for _ in range(12)]
    entries = [{"paper": paper.pk, "score": 1.0, "reason": ""} for paper in papers]
    start = papers[0].announced_at.date()
    for field, listed in (("", entries[:1]), ("math.AG", entries[1:])):
        RankedList.objects.create(
            period=RankedList.Period.WEEK, field=field, start=start, entries=listed
        )
    kept = remaining()
    assert [paper.canonical_id in kept for paper in papers] == [True] * 11 + [False]


@pytest.mark.parametrize("kind", ["like", "dislike"])
def test_what_a_reader_rated_stays(kind: str) -> None:
    rated = old()
    Interest.objects.create(subscriber=a_subscriber(), kind=kind, value=rated.canonical_id)
    assert rated.canonical_id in remaining()


@pytest.mark.parametrize("state", ["sent", "failed", "uncertain", "queued"])
def test_what_was_chosen_for_a_digest_stays_whatever_became_of_it(state: str) -> None:
    chosen = old(canonical_id="2601.00010")
    item = {"paper": "2601.00010", "reason": "new", "slot": "trending", "score": 0.5}
    a_digest(items=[item], state=Digest.State(state))
    assert chosen.canonical_id in remaining()


def test_the_link_in_a_mail_still_leads_to_its_paper_and_it_never_comes_again(
    client: Any, mailed: Paper
) -> None:
    Paper.objects.update(
        announced_at=now() - timedelta(days=200), first_seen_at=now() - timedelta(days=200)
    )
    a_paper()
    Digest.objects.all().delete()  # Their reader was erased; the mail is still in the mailbox.
    assert mailed.canonical_id in remaining()
    assert client.get(mailed.get_absolute_url()).status_code == 200


@pytest.fixture
def mailed(news: Paper) -> Paper:
    """A paper that left in a digest; read as a number, its id would lose the zero."""
    Paper.objects.filter(pk=news.pk).update(canonical_id="2610.99990")
    news.refresh_from_db()
    from newsletter.mail.snapshots import CardCache

    digest = a_digest(items=[{"paper": news.canonical_id, "reason": "", "slot": "pick"}])
    for sent, _ in CardCache().for_digests([digest]):
        sent.save()
    return news


def test_a_renamed_paper_stays_that_was_mailed_under_its_former_id(mailed: Paper) -> None:
    at = now() - timedelta(days=200)
    Paper.objects.update(
        canonical_id="2605.00001", former_id=mailed.canonical_id, announced_at=at, first_seen_at=at
    )
    a_paper()
    assert "2605.00001" in remaining()


def test_while_no_source_brings_anything_nothing_goes(news: Paper) -> None:
    news.delete()
    kept = [old(days=400), old(days=470)]
    assert remaining() == {paper.canonical_id for paper in kept}


def test_an_operator_may_keep_all_papers_or_keep_them_shorter(settings: Settings) -> None:
    paper = old(days=4000)
    settings.PAPER_DAYS = 0
    assert paper.canonical_id in remaining()
    settings.PAPER_DAYS = 30
    younger = old(days=31)
    assert not {paper.canonical_id, younger.canonical_id} & remaining()


def test_a_run_deletes_a_bounded_number_in_portions_the_oldest_first(
    monkeypatch: pytest.MonkeyPatch, news: Paper
) -> None:
    monkeypatch.setattr(retention, "DELETIONS_PER_RUN", 5)
    monkeypatch.setattr(retention, "DELETIONS_PER_TRANSACTION", 2)
    kept = old(days=500, hidden=True)
    papers = [old(days=300 - number) for number in range(7)]
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert retention.delete_unmet_papers(now()) == 5
    deletions = [one for one in queries if one["sql"].startswith('DELETE FROM "papers_paper"')]
    assert len(deletions) == 3
    rest = {paper.canonical_id for paper in (kept, news, *papers[5:])}
    assert set(Paper.objects.values_list("canonical_id", flat=True)) == rest
    assert retention.delete_unmet_papers(now()) == 2
    assert retention.delete_unmet_papers(now()) == 0


def test_it_runs_each_hour() -> None:
    entry = app.conf.beat_schedule["delete unmet papers"]
    assert (entry["task"], entry["schedule"]) == (tasks.delete_unmet_papers.name, 3600.0)
