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

from newsletter.models import (
    Consent,
    Interest,
    RateLimit,
    Subscriber,
)
from newsletter.security import tokens
from newsletter.security.email_addresses import parse
from newsletter.subscriptions import feedback
from newsletter.subscriptions import service as subscriptions
from newsletter.subscriptions.consent_log import ActionOrigin
from newsletter.subscriptions.preferences import Choices
from papers.models import Paper
from tests.factories import a_digest, a_paper, a_subscriber, rename

pytestmark = pytest.mark.django_db

NOON: Final = datetime(2025, 3, 3, 12, tzinfo=UTC)
Status = Subscriber.Status


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def a_request(email: str = "ada@example.org", **choices: object) -> Consent:
    subscriptions.sign_up(parse(email), email, Choices(**choices), ActionOrigin("sign-up form"))  # type: ignore[typeddict-item]
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
        f"/feedback/digest/{tokens.rate_papers_token(digest)}/",
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


@pytest.mark.parametrize(
    "page", ["confirm", "preferences", "unsubscribe", "feedback", "feedback/digest"]
)
@pytest.mark.parametrize("token", ["rubbish", "a.b.c", "x" * 500, "AAAAAAAAAAAAAAAAAAAAAA.0.up"])
def test_an_unknown_link_says_so_and_what_to_do(reader: Client, page: str, token: str) -> None:
    response = reader.get(f"/{page}/{token}/")
    assert response.status_code == 404
    assert "enter your address again" in response.content.decode()
    assert "cut long links" in response.content.decode()


def test_confirming_starts_the_subscription(reader: Client) -> None:
    path = f"/confirm/{tokens.confirm_token(a_request(size=5, topics=['cs.CL']))}/"
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
    path = f"/confirm/{tokens.confirm_token(a_request(topics=['cs.CL']))}/"
    assert "first digest is on its way" in reader.post(path).content.decode()
    subscriber = Subscriber.objects.get()
    Subscriber.objects.update(next_digest_at=NOON + timedelta(days=1))
    assert "next digest comes to ada@example.org on Tuesday" in reader.get(path).content.decode()
    subscriptions.pause(subscriber, None, ActionOrigin("preferences page"))
    assert "Your digests are paused" in reader.get(path).content.decode()


def test_who_comes_back_reads_that_their_choices_are_kept(reader: Client) -> None:
    path = f"/confirm/{tokens.confirm_token(a_request())}/"
    assert reader.post(path).status_code == 303
    subscriber = Subscriber.objects.get()
    a_digest(to=subscriber, due_on=NOON.date() - timedelta(days=1))
    subscriptions.change_preferences(subscriber, {"size": 5}, ActionOrigin("preferences page"))
    subscriptions.unsubscribe(subscriber, ActionOrigin("unsubscribe link"))
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


def test_the_page_to_confirm_and_the_one_to_reject_have_one_button_each(reader: Client) -> None:
    path = f"/confirm/{tokens.confirm_token(a_request())}/"
    for address, action in ((path, "confirm"), (f"{path}?not-me", "reject")):
        page = reader.get(address).content.decode()
        assert page.count("<button") == 1
        assert f'value="{action}"' in page


def test_this_was_not_me_forgets_the_request(reader: Client) -> None:
    path = f"/confirm/{tokens.confirm_token(a_request())}/"
    assert reader.post(path, {"action": "reject"}).status_code == 200
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

    def say(rating: tokens.Rating, **data: str) -> str | None:
        path = f"/feedback/{tokens.feedback_token(digest, 0, rating)}/"
        assert reader.post(path, data).status_code == 200
        return feedback.rating_of(digest.subscriber, paper.canonical_id)

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
        f"/feedback/{tokens.feedback_token(digest, 0, rating)}/" for rating in tokens.RATINGS
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
    paper = a_paper(canonical_id="t-old")
    digest = a_digest(to=a_subscriber(), items=[{"paper": "t-old"}])
    rename(paper, "2503.01234")
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


def test_a_rating_of_a_paper_before_it_was_renamed_still_stands(reader: Client) -> None:
    paper = a_paper(canonical_id="t-old")
    digest = a_digest(to=a_subscriber(), items=[{"paper": "t-old"}])
    Interest.objects.create(subscriber=digest.subscriber, kind="like", value="t-old")
    rename(paper, "2503.01234")
    up = f"/feedback/{tokens.feedback_token(digest, 0, 'up')}/"
    down = f"/feedback/{tokens.feedback_token(digest, 0, 'down')}/"
    assert reader.get(up).context["rating"] == "up"
    reader.post(up)
    assert Interest.objects.count() == 1
    reader.post(down)
    assert [(row.kind, row.value) for row in Interest.objects.all()] == [("dislike", "2503.01234")]
