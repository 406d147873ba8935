"""The page where a reader manages everything."""

from __future__ import annotations

import html
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.utils.timezone import now

from newsletter.digests import assembly
from newsletter.models import Interest, Notice, Subscriber
from newsletter.security import tokens
from newsletter.subscriptions import preferences
from papers.ingest.fields import follow
from papers.ingest.service import ensure_sources
from papers.models import Paper, RankedList, Source
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


def rows_of(page: str) -> dict[str, list[tuple[str, str]]]:
    """The rows of each list: the value that is sent, and the title that is seen."""
    rows: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, value, title in re.findall(
        r'<input type="hidden" name="(\w+)" value="([^"]*)">\s*<p class="entry-title"><\w+[^>]*>'
        r"(.*?)</(?:a|span)>",
        page,
        re.DOTALL,
    ):
        rows[name].append((html.unescape(value), html.unescape(title)))
    return rows


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
        "ignored": "via",
    }
    page = reader.post(path, sent).content.decode()
    assert "Your choices are saved." in page
    assert rows_of(page)["likes"] == [
        ("2503.01234", "Attention; is it all?"),
        ("t-abc", "A Listed Paper"),
        ("1706.03762", "arXiv:1706.03762"),
    ]
    assert rows_of(page)["interests"] == [
        ("graph learning", "graph learning"),
        ("protein folding", "protein folding"),
    ]
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
        "ignored": ["via"],
    }
    assert Subscriber.objects.get().next_digest_at == datetime(2025, 3, 5, 6, tzinfo=UTC)
    assert "Wednesday, 5 March at 07:00 (Europe/Berlin)" in page


def test_the_shown_rows_can_be_sent_back_as_they_are(
    reader: Client, subscriber: Subscriber, path: str
) -> None:
    known = ["2503.01234", "hep-th/9901001", "t-abc", "t-deleted-since"]
    for identifier in known:
        Interest.objects.create(subscriber=subscriber, kind="like", value=identifier)
    for identifier in known[:3]:
        a_paper(canonical_id=identifier, title=f"12 Angry; Papers: {identifier}\nagain")
    shown = [value for value, _ in rows_of(reader.get(path).content.decode())["likes"]]
    assert reader.post(path, {"likes": shown}).status_code == 200
    assert preferences.of(subscriber)["likes"] == known


def test_no_row_shows_an_internal_key(reader: Client, subscriber: Subscriber, path: str) -> None:
    a_paper(canonical_id="t-abc", title="A Listed Paper")
    for identifier in ("t-abc", "t-deleted-since"):
        Interest.objects.create(subscriber=subscriber, kind="like", value=identifier)
    titles = [title for _, title in rows_of(reader.get(path).content.decode())["likes"]]
    assert titles == ["A Listed Paper", "A paper that is gone"]


def test_the_button_of_a_row_removes_it_and_nothing_else(
    reader: Client, subscriber: Subscriber, path: str
) -> None:
    sent = {"interests": ["graphs", "a: b"], "topics": ["cs.CL"], "remove": "interests:a: b"}
    page = reader.post(path, sent).content.decode()
    assert rows_of(page)["interests"] == [("graphs", "graphs")]
    chosen = preferences.of(subscriber)
    assert (chosen["interests"], chosen["topics"]) == (["graphs"], ["cs.CL"])


def test_enter_in_a_box_presses_a_button_that_saves(reader: Client, path: str) -> None:
    page = reader.post(path, {"interests": "graphs"}).content.decode()
    form = page[page.index('<form class="form"') :]
    first = re.search(r"<button[^>]*>", form)
    assert first
    assert 'name="action" value="save"' in first[0]


def test_several_ids_on_a_line_are_several_papers(
    reader: Client, subscriber: Subscriber, path: str
) -> None:
    reader.post(path, {"likes": "2503.01234, arXiv:1706.03762v2 https://arxiv.org/abs/2401.00001"})
    assert preferences.of(subscriber)["likes"] == ["2503.01234", "1706.03762", "2401.00001"]


def test_pasted_bibtex_adds_its_papers_and_says_which_were_left_out(
    reader: Client, subscriber: Subscriber, path: str
) -> None:
    title = "Attention: A {N}ew Hope"
    a_paper(canonical_id="t-abc", title="Attention: A New Hope")
    Paper.objects.update(title_key=identifiers.title_key("Attention: A New Hope"))
    entries = (
        "@article{a, title={Other}, eprint={2401.00001}, archivePrefix={arXiv}}\n"
        f"@inproceedings{{b,\n  title = {{{title}}},\n  year = 2024\n}}\n"
        "@book{c, title={Nobody Knows This Book}}\n"
    )
    page = reader.post(path, {"likes": f"1706.03762\n{entries}"}).content.decode()
    assert preferences.of(subscriber)["likes"] == ["1706.03762", "2401.00001", "t-abc"]
    assert "Of 3 pasted entries we know 2; the others were left out." in page


def test_bibtex_of_unknown_papers_alone_is_a_mistake(reader: Client, path: str) -> None:
    response = reader.post(path, {"likes": "@book{c, title={Nobody Knows This Book}}"})
    assert response.status_code == 400
    assert "None of the 1 pasted entries is a paper we know" in response.content.decode()


@pytest.mark.parametrize("typed", ["Robotics (cs.RO)", "robotics", "CS.ro", "cs.RO\ncs.ro"])
def test_a_field_is_added_by_its_name_or_code(
    reader: Client, subscriber: Subscriber, path: str, typed: str
) -> None:
    page = reader.post(path, {"topics": typed}).content.decode()
    assert preferences.of(subscriber)["topics"] == ["cs.RO"]
    assert rows_of(page)["topics"] == [("cs.RO", "Robotics")]
    assert 'value="Robotics (cs.RO)"' not in page


def test_each_row_says_what_it_brings(reader: Client, subscriber: Subscriber, path: str) -> None:
    for number in range(9):
        a_paper(
            title=f"Coral reefs {number}",
            abstract=f"Bleaching of coral reefs in warm seas, number {number}.",
            authors=["Ada Lovelace" if number else "Grace Hopper"],
            announced_at=NOON - timedelta(days=3 * number, hours=1),
        )
    sent = {"interests": ["coral reefs", "medieval liturgy"], "authors": "Grace Hopper"}
    page = reader.post(path, sent | {"topics": "cs.CL"}).content.decode()
    brought = re.findall(r'entry-brings">([^<]+)<', page.split('id="profile"')[0])
    assert brought == ["3 papers a week", "3 papers a week", "none in 24 days", "1 paper a month"]


def test_a_subject_that_is_the_name_of_an_author_can_be_followed_as_one(
    reader: Client, subscriber: Subscriber, path: str
) -> None:
    a_paper(title="Coral reefs", authors=["Ada Lovelace", "Grace Hopper"])
    sent = {"interests": ["Grace Hopper", "coral reefs"], "authors": ["Ada Lovelace"]}
    page = reader.post(path, sent).content.decode()
    assert re.findall(r'name="follow" value="([^"]+)"', page) == ["Grace Hopper"]
    page = reader.post(path, sent | {"follow": "Grace Hopper"}).content.decode()
    assert 'name="follow"' not in page
    chosen = preferences.of(subscriber)
    assert chosen["interests"] == ["coral reefs"]
    assert chosen["authors"] == ["Ada Lovelace", "Grace Hopper"]


def test_looking_at_what_the_choices_give_stores_nothing_and_keeps_them_in_the_form(
    reader: Client, subscriber: Subscriber, path: str
) -> None:
    for number in range(8):
        words = " ".join(f"{number}w{place}" for place in range(30))
        a_paper(title=f"Coral reefs {number}", abstract=f"Reefs of the seas. {words}")
    sent = {"action": "preview", "interests": "coral reefs", "size": "7"}
    response = reader.post(path, sent)
    page = response.content.decode()
    assert response.status_code == 200
    assert "Nothing is saved yet" in page
    given = page.split('id="gives"')[1].split("</section>")[0]
    assert len(re.findall(r"Coral reefs \d", given)) >= 3
    assert rows_of(page)["interests"] == [("coral reefs", "coral reefs")]
    assert 'name="size" value="7"' in page
    assert not Interest.objects.exists()
    assert Subscriber.objects.get().size == 10


def test_the_page_begins_with_the_papers_of_the_next_digest(
    reader: Client, subscriber: Subscriber, path: str
) -> None:
    for number in range(12):
        words = " ".join(f"{number}w{place}" for place in range(30))
        a_paper(title=f"Coral reefs {number}", abstract=f"Reefs of the seas. {words}")
    reader.post(path, {"interests": "coral reefs"})
    page = reader.get(path).content.decode()
    given = re.findall(r'first-papers-title"><a [^>]*>([^<]+)<', page)
    digest = assembly.preview(Subscriber.objects.get(), NOON)
    titles = dict(Paper.objects.values_list("canonical_id", "title"))
    assert len(given) == 5
    assert given == [titles[item["paper"]] for item in digest.items][:5]


def test_the_words_that_drive_the_list_are_shown_and_a_cross_takes_one_out(
    reader: Client, subscriber: Subscriber, path: str
) -> None:
    for number in range(60):
        words = " the ".join(f"{number}w{place}" for place in range(20))
        subject = ("coral reefs", "robot arms", "speech")[number % 3]
        a_paper(canonical_id=f"2503.{number:05}", title=subject, abstract=f"On {subject} {words}")
    sent = {"likes": "2503.00000 2503.00003", "authors": "Ada Lovelace"}
    page = reader.post(path, sent).content.decode()
    drivers = re.findall(
        r'<p class="entry-title">(\w+)</p>\s*<span.*?</meter> ([\d.]+) %</span>\s*'
        r'<button [^>]*name="ignored" value="(\w+)"',
        page,
        re.DOTALL,
    )
    assert {"coral", "reefs"} <= {word for word, _, _ in drivers}
    assert all(float(pull) > 0 and word == value for word, pull, value in drivers)
    assert 'aria-label="Follow Ada Lovelace no more"' in page
    page = reader.post(path, {"ignored": ["", "coral"]}).content.decode()
    assert rows_of(page)["ignored"] == [("coral", "coral")]
    assert 'aria-label="Let coral count for nothing"' not in page
    assert preferences.of(subscriber)["likes"] == ["2503.00000", "2503.00003"]


def test_time_zones_are_a_short_list_by_region_with_ones_own(
    reader: Client, subscriber: Subscriber, path: str
) -> None:
    Subscriber.objects.update(timezone="Antarctica/Troll")
    page = reader.get(path).content.decode()
    zones = page.split('name="timezone"')[1].split("</select>")[0]
    assert 'value="Antarctica/Troll" selected' in zones
    assert re.findall(r'<optgroup label="(\w+)"', zones)[2:4] == ["Africa", "America"]
    assert 80 < zones.count("<option") < 130


def test_a_liked_paper_that_was_renamed_is_shown_by_its_title_and_stays_as_old_as_it_is(
    reader: Client, subscriber: Subscriber, path: str
) -> None:
    paper = a_paper(canonical_id="t-abc", title="Attention")
    since = NOON - timedelta(days=9)
    like = Interest(subscriber=subscriber, kind="like", value="t-abc", created_at=since)
    like.save()
    rename(paper, "2503.01234")
    shown = rows_of(reader.get(path).content.decode())["likes"]
    assert shown == [("2503.01234", "Attention")]
    reader.post(path, {"likes": shown[0][0]})
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
        ("dislikes", "One per line. They never come again, and what is like them comes less"),
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


def test_before_arxiv_is_read_for_the_first_time_no_field_says_that_it_has_nothing_new(
    reader: Client, path: str
) -> None:
    ensure_sources()
    for field, count in (("", 9), ("cs.CL", 7)):
        RankedList.objects.create(period="week", field=field, start=date(2026, 11, 30), count=count)
    assert "this week" not in reader.get(path).content.decode()
    Source.objects.filter(name="arxiv-rss").update(last_success_at=now())
    assert "nothing new this week" in reader.get(path).content.decode()
