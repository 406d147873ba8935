"""Papers that readers name and the catalogue lacks: who makes us fetch them, and how many."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client

from newsletter.digests import assembly
from newsletter.models import Consent, Subscriber
from newsletter.security import tokens
from newsletter.subscriptions import paper_requests, preferences
from newsletter.subscriptions import service as subscriptions
from newsletter.subscriptions.consent_log import ActionOrigin
from newsletter.subscriptions.preferences import Choices
from newsletter.web import presenters
from papers.models import Edition, Paper, Source, Submission
from papers.trending import update
from tests.factories import a_paper, a_subscriber
from tests.papers.ingest.test_runs import visit
from tests.papers.source_server import Reply, SourceServer, recorded, source_server

pytestmark = pytest.mark.django_db

NOON: Final = datetime(2025, 3, 3, 12, tzinfo=UTC)
CLASSIC: Final = "1605.08386"
WEB: Final = ActionOrigin("preferences page")


@pytest.fixture
def arxiv() -> Iterator[SourceServer]:
    """An arXiv that has one paper."""
    with source_server() as running:
        yield running


def asked_for() -> list[str]:
    return sorted(Submission.objects.values_list("arxiv_id", flat=True))


def fetch_from(arxiv: SourceServer) -> None:
    source = Source.objects.get(name="submissions")
    source.address = arxiv.answer("/api", Reply(recorded("arxiv-api/one-paper.xml")))
    source.save()
    visit(source, arxiv)


def likes(reader: Subscriber, *ids: str) -> None:
    subscriptions.change_preferences(reader, Choices(likes=list(ids)), WEB)


def test_a_pasted_address_is_fetched_once_its_reader_confirmed(
    client: Client, arxiv: SourceServer
) -> None:
    a_paper()
    pasted = f"https://arxiv.org/abs/{CLASSIC}v1"
    client.post("/subscribe/", {"email": "ada@example.org", "likes": pasted})
    assert asked_for() == []
    confirm = f"/confirm/{tokens.confirm_token(Consent.objects.get())}/"
    client.get(confirm)
    assert asked_for() == []
    client.post(confirm, {"action": "confirm"})
    assert asked_for() == [CLASSIC]
    fetch_from(arxiv)
    assert Submission.objects.get().result.startswith("Added: ")
    assert Paper.objects.filter(canonical_id=CLASSIC).exists()


def test_a_fetched_classic_is_no_news_to_anybody(arxiv: SourceServer) -> None:
    fresh = a_paper().canonical_id
    reader = a_subscriber()
    likes(reader, CLASSIC)
    fetch_from(arxiv)
    assert Paper.objects.get(canonical_id=CLASSIC).announced_at.year == 2016
    moment = datetime.now(UTC)
    update.score(moment)
    other = assembly.preview(a_subscriber(), moment)
    assert [item["paper"] for item in other.items] == [fresh]
    assert [
        story.paper.canonical_id for story in presenters.from_edition(Edition.objects.get())
    ] == [fresh]


def test_a_confirmed_reader_who_names_new_papers_has_them_fetched() -> None:
    a_paper(canonical_id="2503.01234")
    reader = a_subscriber()
    said = Choices(likes=["2503.01234", CLASSIC, "t-abc"], dislikes=["hep-th/9901001"])
    subscriptions.change_preferences(reader, said, WEB)
    assert asked_for() == [CLASSIC, "hep-th/9901001"]


@pytest.mark.parametrize("status", ["pending", "unsubscribed", "suppressed"])
def test_nobody_who_gets_no_mail_makes_us_fetch(status: str) -> None:
    likes(a_subscriber(status=status), CLASSIC)
    assert asked_for() == []


def test_a_reader_asks_for_twenty_papers_at_a_time() -> None:
    reader = a_subscriber()
    many = [f"1706.{number:05}" for number in range(30)]
    likes(reader, *many)
    assert asked_for() == many[: paper_requests.PAPERS_AT_ONCE]
    likes(reader, *many)
    assert asked_for() == many


def test_a_reader_who_changes_all_day_asks_no_more_until_tomorrow() -> None:
    reader = a_subscriber()
    with time_machine.travel(NOON, tick=False) as clock:
        for number in range(paper_requests.PER_READER.count + 1):
            likes(reader, f"1706.{number:05}")
        assert len(asked_for()) == paper_requests.PER_READER.count
        clock.shift(timedelta(days=1))
        likes(reader, "1706.00005")
        assert asked_for()[-1] == "1706.00005"


def test_what_arxiv_does_not_have_is_asked_for_again_only_after_a_month() -> None:
    answered = "arXiv has no paper with this id."
    with time_machine.travel(NOON, tick=False) as clock:
        Submission.objects.create(arxiv_id=CLASSIC, fetched_at=NOON, result=answered)
        likes(a_subscriber(), CLASSIC)
        assert Submission.objects.get().result == answered
        clock.shift(timedelta(days=31))
        likes(a_subscriber(), CLASSIC)
        assert Submission.objects.get().fetched_at is None


def test_an_id_that_waits_already_keeps_its_place() -> None:
    Submission.objects.create(arxiv_id=CLASSIC, submitted_at=NOON)
    likes(a_subscriber(), CLASSIC)
    assert Submission.objects.get().submitted_at == NOON


def test_an_import_has_the_papers_of_those_with_consent_fetched(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(
        "email,confirmed_at,consent_source,likes\n"
        f"ada@example.org,2024-05-06,old newsletter,{CLASSIC};1706.03762\n"
        f"bob@example.org,2024-05-06,old newsletter,{CLASSIC}\n"
        "cy@example.org,,,1412.6980\n"
    )
    call_command("import_subscribers", file, stdout=io.StringIO(), stderr=io.StringIO())
    assert asked_for() == [CLASSIC, "1706.03762"]
    assert preferences.of(Subscriber.objects.get(email_key="cy@example.org"))["likes"] == [
        "1412.6980"
    ]
