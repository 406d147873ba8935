"""The pages behind a signed link: GET asks, POST acts, the link alone is enough."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
import time_machine
from django.apps import apps
from django.core import serializers
from django.test import Client

from newsletter import choices, feedback, subscriptions, tokens
from newsletter.addresses import parse
from newsletter.choices import Choices
from newsletter.models import (
    Consent,
    Digest,
    Interest,
    Notice,
    RateLimit,
    Subscriber,
    Suppression,
)
from newsletter.subscriptions import Origin
from papers import identifiers
from papers.models import Paper
from tests.factories import a_digest, a_paper, a_subscriber

pytestmark = pytest.mark.django_db

NOON: Final = datetime(2025, 3, 3, 12, tzinfo=UTC)
Status = Subscriber.Status


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def reader() -> Client:
    """A mail program's browser: no cookie, and Django insists on CSRF where it applies."""
    return Client(enforce_csrf_checks=True)


def a_request(email: str = "ada@example.org", **wishes: object) -> Consent:
    subscriptions.sign_up(parse(email), email, Choices(**wishes), Origin("sign-up form"))  # type: ignore[typeddict-item]
    return Consent.objects.filter(action=Consent.Action.SIGN_UP).latest("pk")


def everything() -> str:
    """The whole database as text."""
    rows = [row for model in apps.get_models() for row in model._default_manager.order_by("pk")]
    return str(serializers.serialize("json", rows))


def paths_of_every_link() -> list[str]:
    digest = a_digest(to=a_subscriber())
    subscriber = digest.subscriber
    pending = a_request()
    return [
        f"/confirm/{tokens.confirm_token(pending)}/",
        f"/preferences/{tokens.preferences_token(subscriber)}/",
        f"/unsubscribe/{tokens.unsubscribe_token(subscriber)}/",
        f"/feedback/{tokens.feedback_token(digest, 0, 'up')}/",
        f"/feedback/{tokens.feedback_token(digest, 0, 'down')}/",
        f"/digest/{tokens.digest_token(digest)}/",
    ]


def heading(page: str) -> str:
    """The heading of a page, which the title of its tab repeats."""
    title, words = (
        re.search(rf"<{name}[^>]*>(.*?)</{name}>", page, re.DOTALL) for name in ("title", "h1")
    )
    assert title
    assert words
    assert title[1].strip().startswith(words[1].strip())
    return words[1].strip()


def test_a_mail_scanner_that_opens_every_link_changes_nothing(reader: Client) -> None:
    paths = paths_of_every_link()
    before = everything()
    for path in paths:
        for method in (reader.get, reader.head, reader.options):
            method(path)
    assert everything() == before


def test_looking_at_preferences_before_any_mail_was_sent_changes_nothing(reader: Client) -> None:
    path = f"/preferences/{tokens.preferences_token(a_subscriber())}/"
    before = everything()
    assert reader.get(path).status_code == 200
    assert everything() == before


def test_token_pages_tell_nobody_where_the_reader_came_from_and_are_not_kept(
    reader: Client,
) -> None:
    for path in paths_of_every_link():
        response = reader.get(path)
        assert response.status_code == 200
        assert response["Referrer-Policy"] == "no-referrer"
        assert "no-store" in response["Cache-Control"]
        assert not response.cookies


@pytest.mark.parametrize("page", ["confirm", "preferences", "unsubscribe", "feedback"])
@pytest.mark.parametrize("token", ["rubbish", "a.b.c", "x" * 500, "AAAAAAAAAAAAAAAAAAAAAA.0.up"])
def test_an_unknown_link_says_so_and_what_to_do(reader: Client, page: str, token: str) -> None:
    response = reader.get(f"/{page}/{token}/")
    assert response.status_code == 404
    assert "enter your address again" in response.content.decode()
    assert "cut long links" in response.content.decode()


def test_confirming_starts_the_subscription(reader: Client) -> None:
    path = f"/confirm/{tokens.confirm_token(a_request(size=5))}/"
    assert "ada@example.org" in reader.get(path).content.decode()
    first = reader.post(path)
    again = reader.post(path)
    assert first.status_code == 200
    assert first.content == again.content
    subscriber = Subscriber.objects.get()
    assert (subscriber.status, subscriber.size) == (Status.ACTIVE, 5)
    assert subscriber.next_digest_at == NOON
    assert subscriber.consents.filter(action="confirm").count() == 1


def test_an_old_confirmation_link_says_how_things_stand_now(
    reader: Client, clock: time_machine.Traveller
) -> None:
    path = f"/confirm/{tokens.confirm_token(a_request())}/"
    assert "first digest is on its way" in reader.post(path).content.decode()
    subscriber = Subscriber.objects.get()
    Subscriber.objects.update(next_digest_at=NOON + timedelta(days=1))
    assert "next digest comes to ada@example.org on Tuesday" in reader.get(path).content.decode()
    subscriptions.pause(subscriber, None, Origin("preferences page"))
    assert "Your digests are paused" in reader.get(path).content.decode()


def test_who_comes_back_hears_that_their_choices_are_kept(reader: Client) -> None:
    path = f"/confirm/{tokens.confirm_token(a_request())}/"
    new = reader.post(path).content.decode()
    assert "The first digest is on its way" in new
    assert "Tell us what you read" in new
    subscriber = Subscriber.objects.get()
    a_digest(to=subscriber, due_on=NOON.date() - timedelta(days=1))
    subscriptions.change_preferences(subscriber, {"size": 5}, Origin("preferences page"))
    subscriptions.unsubscribe(subscriber, Origin("unsubscribe link"))
    RateLimit.objects.all().delete()
    path = f"/confirm/{tokens.confirm_token(a_request())}/"
    back = reader.post(path).content.decode()
    assert "The next digest is on its way" in back
    assert "What you chose is kept" in back
    assert "Tell us what you read" not in back


def test_a_late_confirmation_is_told_to_ask_again(
    reader: Client, clock: time_machine.Traveller
) -> None:
    path = f"/confirm/{tokens.confirm_token(a_request())}/"
    clock.shift(timedelta(hours=73))
    for response in (reader.get(path), reader.post(path)):
        assert response.status_code == 410
        assert "has expired" in response.content.decode()
        assert "cut long links" not in response.content.decode()
    assert Subscriber.objects.get().status == Status.PENDING


def test_the_page_to_confirm_and_the_one_to_disown_have_one_button_each(reader: Client) -> None:
    path = f"/confirm/{tokens.confirm_token(a_request())}/"
    for address, action in ((path, "confirm"), (f"{path}?not-me", "disown")):
        page = reader.get(address).content.decode()
        assert page.count("<button") == 1
        assert f'value="{action}"' in page


def test_this_was_not_me_forgets_the_request(reader: Client) -> None:
    path = f"/confirm/{tokens.confirm_token(a_request())}/"
    assert reader.post(path, {"action": "disown"}).status_code == 200
    assert not Subscriber.objects.exists()
    opened_again = reader.get(path)
    assert opened_again.status_code == reader.post(path).status_code == 404
    page = opened_again.content.decode()
    assert "The request behind this link is gone: it was taken back" in page
    assert "not complete" not in page
    assert "cut long links" not in page


@pytest.mark.parametrize(
    "send",
    [
        lambda client, path: client.post(path, {"List-Unsubscribe": "One-Click"}),
        lambda client, path: client.post(
            path, "List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"
        ),
        lambda client, path: client.post(path),
        lambda client, path: client.post(path, b"\x00--broken", "multipart/form-data; boundary=x"),
    ],
    ids=["multipart", "urlencoded", "button", "broken body"],
)
def test_one_click_unsubscribes_at_once(
    reader: Client, send: Callable[[Client, str], object]
) -> None:
    digest = a_digest(to=a_subscriber())
    path = f"/unsubscribe/{tokens.unsubscribe_token(digest.subscriber)}/"
    for _ in range(2):
        response = send(reader, path)
        assert response.status_code == 200  # type: ignore[attr-defined]
    digest.refresh_from_db()
    assert digest.subscriber.status == Status.UNSUBSCRIBED
    assert (digest.state, digest.reason) == ("cancelled", "The subscriber unsubscribed.")


def test_one_click_with_an_unknown_token_is_answered_like_any_other(reader: Client) -> None:
    path = f"/unsubscribe/{tokens.unsubscribe_token(a_subscriber())}/"
    known = reader.post(path, {"List-Unsubscribe": "One-Click"})
    unknown = reader.post("/unsubscribe/unknown/", {"List-Unsubscribe": "One-Click"})
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)


def test_feedback_is_taken_turned_round_and_taken_back(reader: Client) -> None:
    paper = a_paper()
    items = [{"paper": paper.canonical_id}]
    digest = a_digest(to=a_subscriber(), items=items)

    def say(verdict: tokens.Verdict, **data: str) -> str | None:
        path = f"/feedback/{tokens.feedback_token(digest, 0, verdict)}/"
        assert reader.post(path, data).status_code == 200
        return feedback.verdict_on(digest.subscriber, paper.canonical_id)

    assert say("up") == "up"
    assert say("up") == "up"
    assert say("down") == "down"
    assert Interest.objects.count() == 1
    assert say("down", action="withdraw") is None


def test_a_question_that_contradicts_what_was_said_does_not_look_like_an_answer(
    reader: Client,
) -> None:
    digest = a_digest(to=a_subscriber())
    up, down = (
        f"/feedback/{tokens.feedback_token(digest, 0, verdict)}/" for verdict in tokens.VERDICTS
    )
    asked = reader.get(down).content.decode()
    said = reader.post(up).content.decode()
    differs = reader.get(down).content.decode()
    turned = reader.post(down).content.decode()
    assert heading(asked) == "Fewer papers like this?"
    assert heading(said) == "Noted: more like this"
    assert heading(differs) == "You said: more like this"
    assert "Less like this instead?" in differs
    assert heading(turned) == "Noted: less like this"
    assert "instead?" not in asked + said + turned


@pytest.mark.parametrize(
    ("status", "comes"),
    [
        (Status.ACTIVE, True),
        (Status.PAUSED, True),
        (Status.PENDING, False),
        (Status.UNSUBSCRIBED, False),
        (Status.SUPPRESSED, False),
    ],
)
def test_a_next_digest_is_spoken_of_only_to_those_who_get_one(
    reader: Client, status: Status, comes: bool
) -> None:
    digest = a_digest(to=a_subscriber(status=status))
    for path in (
        f"/preferences/{tokens.preferences_token(digest.subscriber)}/",
        f"/feedback/{tokens.feedback_token(digest, 0, 'up')}/",
    ):
        page = reader.get(path).content.decode()
        assert bool(re.search("Your next digests? follows? what you", page)) is comes
        assert ("is kept in case that changes" in page) is not comes


def test_feedback_on_a_paper_that_was_renamed_since_goes_to_its_new_id(reader: Client) -> None:
    a_paper(canonical_id="2503.01234", former_id="t-old")
    digest = a_digest(to=a_subscriber(), items=[{"paper": "t-old"}])
    reader.post(f"/feedback/{tokens.feedback_token(digest, 0, 'up')}/")
    assert Interest.objects.get().value == "2503.01234"


def test_feedback_on_a_paper_that_was_hidden_since_leads_nowhere(reader: Client) -> None:
    paper = a_paper()
    digest = a_digest(items=[{"paper": paper.canonical_id, "slot": "trending", "reason": "new"}])
    link = f'href="{paper.get_absolute_url()}"'
    path = f"/feedback/{tokens.feedback_token(digest, 0, 'up')}/"
    assert link in reader.get(path).content.decode()
    Paper.objects.filter(pk=paper.pk).update(hidden=True)
    assert link not in reader.get(path).content.decode()


def test_what_was_said_of_a_paper_before_it_was_renamed_still_stands(reader: Client) -> None:
    a_paper(canonical_id="2503.01234", former_id="t-old")
    digest = a_digest(to=a_subscriber(), items=[{"paper": "t-old"}])
    Interest.objects.create(subscriber=digest.subscriber, kind="like", value="t-old")
    up = f"/feedback/{tokens.feedback_token(digest, 0, 'up')}/"
    down = f"/feedback/{tokens.feedback_token(digest, 0, 'down')}/"
    assert reader.get(up).context["said"] == "up"
    reader.post(up)
    assert Interest.objects.count() == 1
    reader.post(down)
    assert [(row.kind, row.value) for row in Interest.objects.all()] == [("dislike", "2503.01234")]


class TestPreferences:
    """The page where everything is managed."""

    @pytest.fixture
    def subscriber(self) -> Subscriber:
        return a_subscriber(email="ada@example.org", next_digest_at=NOON + timedelta(days=1))

    @pytest.fixture
    def path(self, subscriber: Subscriber) -> str:
        return f"/preferences/{tokens.preferences_token(subscriber)}/"

    def test_everything_can_be_chosen_and_is_shown_again(
        self, reader: Client, subscriber: Subscriber, path: str
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
        chosen = choices.of(Subscriber.objects.get())
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
        self, reader: Client, subscriber: Subscriber, path: str
    ) -> None:
        for identifier in ("2503.01234", "hep-th/9901001", "t-abc"):
            a_paper(canonical_id=identifier, title=f"12 Angry; Papers: {identifier}\nagain")
            Interest.objects.create(subscriber=subscriber, kind="like", value=identifier)
        shown = reader.get(path).context["form"]["likes"].value()
        assert reader.post(path, {"likes": shown}).status_code == 200
        assert choices.of(subscriber)["likes"] == ["2503.01234", "hep-th/9901001", "t-abc"]

    def test_a_liked_paper_that_was_renamed_is_shown_by_its_title_and_stays_as_old_as_it_is(
        self, reader: Client, subscriber: Subscriber, path: str
    ) -> None:
        a_paper(canonical_id="2503.01234", former_id="t-abc", title="Attention")
        since = NOON - timedelta(days=9)
        like = Interest(subscriber=subscriber, kind="like", value="t-abc", created_at=since)
        like.save()
        shown = reader.get(path).context["form"]["likes"].value()
        assert shown == "2503.01234 Attention"
        reader.post(path, {"likes": shown})
        row = Interest.objects.get()
        assert (row.value, row.created_at) == ("2503.01234", since)

    def test_what_is_not_sent_stays_as_it_was(
        self, reader: Client, subscriber: Subscriber, path: str
    ) -> None:
        Interest.objects.create(subscriber=subscriber, kind="topic", value="cs.CL")
        reader.post(path, {"size": "12"})
        assert (choices.of(subscriber)["topics"], Subscriber.objects.get().size) == (["cs.CL"], 12)
        reader.post(path, {"topics": ""})
        assert choices.of(subscriber)["topics"] == []

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
        self, reader: Client, path: str, field: str, typed: str, sentence: str
    ) -> None:
        response = reader.post(path, {field: typed, "muted": "blockchain"})
        page = response.content.decode()
        assert response.status_code == 400
        assert sentence in page
        assert "blockchain" in page
        assert not Interest.objects.exists()

    def test_every_mistake_is_listed_at_the_top_with_a_link_to_its_field(
        self, reader: Client, path: str
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

    def test_what_was_saved_is_answered_at_the_top_of_the_page(
        self, reader: Client, path: str
    ) -> None:
        # Without an address of its own a form keeps the #pause of the link in the mail.
        found = reader.get(path).content.decode()
        assert found.count(f'method="post" action="{path}"') >= 2

    def test_a_pause_can_be_taken_and_ended(
        self, reader: Client, subscriber: Subscriber, path: str
    ) -> None:
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
        self, reader: Client, subscriber: Subscriber, path: str
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
        self, reader: Client, path: str, field: str, helps: str
    ) -> None:
        assert f'id="id_{field}_helptext">{helps}' in reader.get(path).content.decode()

    def test_leaving_from_here_works_too(self, reader: Client, path: str) -> None:
        reader.post(path, {"action": "unsubscribe"})
        assert Subscriber.objects.get().status == Status.UNSUBSCRIBED
        assert "You are unsubscribed" in reader.get(path).content.decode()

    def test_a_person_gets_everything_about_them_and_no_token(
        self, reader: Client, subscriber: Subscriber, path: str
    ) -> None:
        token = tokens.unsubscribe_token(subscriber)
        a_digest(to=subscriber)
        a_digest(to=a_subscriber(email="bob@example.org"))
        reader.post(path, {"size": "4", "authors": "Grace Hopper", "names": "Ada Byron"})
        response = reader.post(path, {"action": "export"})
        assert response["Content-Disposition"].startswith("attachment")
        data = response.json()
        assert data["subscription"]["email"] == "ada@example.org"
        assert data["choices"]["authors"] == ["Grace Hopper"]
        assert data["choices"]["names"] == ["Ada Byron"]
        assert [line["action"] for line in data["consent_log"]] == ["change"]
        assert len(data["digests"]) == 1
        subscriber.refresh_from_db()
        text = response.content.decode()
        for secret in (token, subscriber.sealed_token, subscriber.public_id.hex, "bob@"):
            assert secret not in text

    def test_erasing_asks_once_and_leaves_only_a_keyed_hash(
        self, reader: Client, subscriber: Subscriber, path: str
    ) -> None:
        a_digest(to=subscriber)
        assert reader.post(path, {"action": "erase"}).status_code == 400
        assert Subscriber.objects.exists()
        assert reader.post(path, {"action": "erase", "sure": "yes"}).status_code == 200
        assert subscriber.email not in everything()
        assert not Digest.objects.exists()
        assert Suppression.objects.get().email_key == ""
        gone = reader.get(path)
        assert gone.status_code == 404
        assert "What this link belonged to was erased." in gone.content.decode()
        assert "cut long links" not in gone.content.decode()
        a_request()
        notice = Notice.objects.select_related("subscriber").get()
        assert subscriptions.answer(notice) is None

    def test_the_browser_may_propose_a_time_zone_until_one_is_chosen(
        self, reader: Client, path: str
    ) -> None:
        assert "data-propose" in reader.get(path).content.decode()
        reader.post(path, {"timezone": "UTC"})
        assert "data-propose" not in reader.get(path).content.decode()
