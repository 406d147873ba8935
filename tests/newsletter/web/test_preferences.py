"""The page where a reader manages everything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.test import Client

from newsletter.models import Interest, Notice, Subscriber
from newsletter.security import tokens
from newsletter.subscriptions import preferences
from papers.ingest.fields import follow
from papers.ingest.service import ensure_sources
from papers.models import RankedList
from papers.text import identifiers
from tests.factories import a_paper, a_subscriber, rename
from tests.newsletter.web.test_token_pages import NOON, a_request

pytestmark = pytest.mark.django_db

Status = Subscriber.Status


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def subscriber() -> Subscriber:
    return a_subscriber(email="ada@example.org", next_digest_at=NOON + timedelta(days=1))


@pytest.fixture
def path(subscriber: Subscriber) -> str:
    return f"/preferences/{tokens.preferences_token(subscriber)}/"


def test_everything_can_be_chosen_and_is_shown_again(
    reader: Client, subscriber: Subscriber, path: str
) -> None:
    paper = a_paper(canonical_id="2503.01234", title="Attention; is it all?")
    title = "A Listed Paper"
    a_paper(canonical_id="t-abc", title=title, title_key=identifiers.title_key(title))
    sent = {
        "frequency": "weekly",
        "weekday": "2",
        "hour": "7",
        "timezone": "Europe/Berlin",
        "size": "5",
        "topics": ["cs.CL", "stat.ML"],
        "interests": "graph learning\r\nprotein folding\r\n\r\n",
        "likes": f"https://arxiv.org/abs/{paper.canonical_id}v3\na listed paper\n1706.03762",
        "authors": "Lovelace, Ada",
        "muted": "blockchain",
        "names": "Byron, Ada",
        "dislikes": "",
    }
    page = reader.post(path, sent).content.decode()
    assert "Your choices are saved." in page
    assert "2503.01234 Attention, is it all?" in page
    chosen = preferences.of(Subscriber.objects.get())
    assert chosen == {
        "frequency": "weekly",
        "weekday": 2,
        "hour": 7,
        "timezone": "Europe/Berlin",
        "size": 5,
        "topics": ["cs.CL", "stat.ML"],
        "interests": ["graph learning", "protein folding"],
        "likes": ["2503.01234", "t-abc", "1706.03762"],
        "dislikes": [],
        "authors": ["Lovelace, Ada"],
        "muted": ["blockchain"],
        "names": ["Byron, Ada"],
    }
    assert Subscriber.objects.get().next_digest_at == datetime(2025, 3, 5, 6, tzinfo=UTC)
    assert "Wednesday, 5 March at 07:00 (Europe/Berlin)" in page


def test_the_shown_likes_can_be_sent_back_as_they_are(
    reader: Client, subscriber: Subscriber, path: str
) -> None:
    for identifier in ("2503.01234", "hep-th/9901001", "t-abc"):
        a_paper(canonical_id=identifier, title=f"12 Angry; Papers: {identifier}\nagain")
        Interest.objects.create(subscriber=subscriber, kind="like", value=identifier)
    shown = reader.get(path).context["form"]["likes"].value()
    assert reader.post(path, {"likes": shown}).status_code == 200
    assert preferences.of(subscriber)["likes"] == ["2503.01234", "hep-th/9901001", "t-abc"]


def test_a_liked_paper_that_was_renamed_is_shown_by_its_title_and_stays_as_old_as_it_is(
    reader: Client, subscriber: Subscriber, path: str
) -> None:
    paper = a_paper(canonical_id="t-abc", title="Attention")
    since = NOON - timedelta(days=9)
    like = Interest(subscriber=subscriber, kind="like", value="t-abc", created_at=since)
    like.save()
    rename(paper, "2503.01234")
    shown = reader.get(path).context["form"]["likes"].value()
    assert shown == "2503.01234 Attention"
    reader.post(path, {"likes": shown})
    row = Interest.objects.get()
    assert (row.value, row.created_at) == ("2503.01234", since)


def test_what_is_not_sent_stays_as_it_was(
    reader: Client, subscriber: Subscriber, path: str
) -> None:
    Interest.objects.create(subscriber=subscriber, kind="topic", value="cs.CL")
    reader.post(path, {"size": "12"})
    assert (preferences.of(subscriber)["topics"], Subscriber.objects.get().size) == (["cs.CL"], 12)
    reader.post(path, {"topics": ""})
    assert preferences.of(subscriber)["topics"] == []


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("size", "31", "“31” is not a valid number of papers; write a number from 1 to 30."),
        ("hour", "7pm", "“7pm” is not a valid hour; write a number from 0 to 23."),
        ("timezone", "Mars", "“Mars” is not a time zone"),
        ("topics", "cs.XX", "“cs.XX” is not a field of arXiv"),
        ("likes", "No such paper", "“No such paper” is not a paper we know"),
        ("interests", "x" * 301, "is too long; write at most 300 characters in a line."),
        ("authors", "Ada\x00", "has control characters in it; write plain text."),
    ],
)
def test_a_mistake_is_explained_and_keeps_what_was_typed(
    reader: Client, path: str, field: str, typed: str, sentence: str
) -> None:
    response = reader.post(path, {field: typed, "muted": "blockchain"})
    page = response.content.decode()
    assert response.status_code == 400
    assert sentence in page
    assert "blockchain" in page
    assert not Interest.objects.exists()


def test_every_mistake_is_listed_at_the_top_with_a_link_to_its_field(
    reader: Client, path: str
) -> None:
    wrong = {"size": "31", "frequency": "hourly", "topics": "cs.XX", "authors": "Ada\x00"}
    page = reader.post(path, wrong).content.decode()
    [summary] = re.findall(r'<div class="errors"[^>]* autofocus>(.*?)</div>', page, re.DOTALL)
    named = re.findall(r'<li><a href="#(\w+)">', summary)
    assert named == ["id_topics", "id_authors", "id_frequency", "id_size"]
    places = [page.index(f' id="{name}"') for name in named]
    assert places == sorted(places)
    assert "write a number from 1 to 30" in summary
    assert "autofocus" not in reader.get(path).content.decode()


def test_what_was_saved_is_answered_at_the_top_of_the_page(reader: Client, path: str) -> None:
    # Without an address of its own a form keeps the #pause of the link in the mail.
    found = reader.get(path).content.decode()
    assert found.count(f'method="post" action="{path}"') >= 2


def test_a_pause_can_be_taken_and_ended(reader: Client, subscriber: Subscriber, path: str) -> None:
    for length, until in [("week", 7), ("month", 30), ("ever", None)]:
        reader.post(path, {"action": "pause", "for": length})
        subscriber.refresh_from_db()
        assert subscriber.status == Status.PAUSED
        assert subscriber.paused_until == (NOON + timedelta(days=until) if until else None)
    reader.post(path, {"action": "resume"})
    subscriber.refresh_from_db()
    assert subscriber.status == Status.ACTIVE
    assert subscriber.next_digest_at == datetime(2025, 3, 4, 8, tzinfo=UTC)


def test_a_pause_says_in_which_time_zone_it_ends_and_what_comes_then(
    reader: Client, subscriber: Subscriber, path: str
) -> None:
    Subscriber.objects.update(timezone="Asia/Tokyo", hour=8)
    page = reader.post(path, {"action": "pause", "for": "week"}).content.decode()
    assert (
        "Paused until Monday, 10 March at 21:00; the next digest comes on Tuesday, 11 March "
        "at 08:00 (Asia/Tokyo)." in page
    )
    confirmed = reader.get(f"/confirm/{tokens.confirm_token(a_request())}/").content.decode()
    assert "until Monday, 10 March at 21:00" in confirmed
    assert "the next one comes on Tuesday, 11 March at 08:00 (Asia/Tokyo)" in confirmed


@pytest.mark.parametrize(
    ("field", "helps"),
    [
        ("weekday", "For the weekly digest only."),
        ("dislikes", "One a line. They never come again, and what is like them comes less"),
    ],
)
def test_a_field_that_needs_a_word_of_help_has_it(
    reader: Client, path: str, field: str, helps: str
) -> None:
    assert f'id="id_{field}_helptext">{helps}' in reader.get(path).content.decode()


def test_leaving_from_here_works_too(reader: Client, path: str) -> None:
    reader.post(path, {"action": "unsubscribe"})
    assert Subscriber.objects.get().status == Status.UNSUBSCRIBED
    assert "You are unsubscribed" in reader.get(path).content.decode()


def test_the_page_neither_exports_nor_erases(
    reader: Client, subscriber: Subscriber, path: str
) -> None:
    for action in ("export", "erase"):
        response = reader.post(path, {"action": action, "sure": "yes"})
        assert response["Content-Type"].startswith("text/html")
    assert Subscriber.objects.exists()


def test_the_link_to_personal_data_comes_by_mail_once_an_hour(
    reader: Client, subscriber: Subscriber, path: str
) -> None:
    assert "on its way" in reader.post(path, {"action": "privacy"}).content.decode()
    assert "within the last hour" in reader.post(path, {"action": "privacy"}).content.decode()
    notice = Notice.objects.get()
    assert (notice.kind, notice.subscriber) == ("privacy", subscriber)


def test_the_browser_may_propose_a_time_zone_until_one_is_chosen(reader: Client, path: str) -> None:
    assert "data-propose" in reader.get(path).content.decode()
    reader.post(path, {"timezone": "UTC"})
    assert "data-propose" not in reader.get(path).content.decode()


def test_each_field_says_how_many_papers_this_week_brought(reader: Client, path: str) -> None:
    week = date(2026, 11, 30)
    for field, count in (("", 9), ("cs.CL", 7)):
        RankedList.objects.create(period="week", field=field, start=week, count=count)
    labels = re.findall(r"<label>.*?</label>", reader.get(path).content.decode(), re.DOTALL)
    assert any("cs.CL" in label and "7 this week" in label for label in labels)
    assert any("math.AG" in label and "nothing new this week" in label for label in labels)


def test_only_fields_that_the_sources_bring_are_offered(reader: Client, path: str) -> None:
    ensure_sources()
    follow(["cs.CL"])
    html = reader.get(path).content.decode()
    offered = set(re.findall(r'name="topics" value="([^"]+)"', html))
    assert "cs.CL" in offered
    assert "math.AG" not in offered
