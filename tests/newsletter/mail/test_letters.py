"""The editor's letter, on top of mail and day page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client

from newsletter.digests import assembly
from newsletter.mail import letters, messages, snapshots
from newsletter.models import Digest, FrozenLetter, Subscriber
from papers.admin.base import url_of
from papers.models import Edition
from tests.factories import a_digest, a_paper, a_subscriber, an_edition

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 11, 12, tzinfo=UTC)
LETTER = "Dear readers,\n\nsee [this paper](https://arxiv.org/abs/2503.01234) & <b>more</b>."


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def edition() -> Edition:
    paper = a_paper(announced_at=NOON - timedelta(hours=2))
    edition = an_edition(paper)
    edition.letter = LETTER
    edition.save()
    return edition


def parts_of(digest: Digest) -> tuple[str, str]:
    mail = messages.digest_message(digest, snapshots.cards_of(digest))
    return str(mail.alternatives[0][0]), str(mail.body)


def assembled() -> Digest:
    [key] = assembly.assemble(NOON)
    return Digest.objects.get(pk=key)


def test_it_stands_on_top_of_both_parts_of_a_mail(edition: Edition) -> None:
    a_subscriber(next_digest_at=NOON)
    html, text = parts_of(assembled())
    assert html.count("A letter from") == text.count("A letter from") == 1
    assert html.index("A letter from") < html.index("<h3")
    assert 'href="https://arxiv.org/abs/2503.01234"' in html
    assert "&lt;b&gt;more&lt;/b&gt;" in html
    assert "see this paper (https://arxiv.org/abs/2503.01234) & <b>more</b>." in text
    assert text.index("Dear readers") < text.index("1. ")


def test_a_retry_repeats_it_whatever_was_corrected_since(edition: Edition) -> None:
    a_subscriber(next_digest_at=NOON)
    digest = assembled()
    before = parts_of(digest)
    edition.letter = "Something else"
    edition.save()
    assert parts_of(Digest.objects.get()) == before
    assert FrozenLetter.objects.get().markdown == LETTER


@pytest.mark.parametrize(
    ("last", "carries"),
    [(timedelta(hours=30), True), (timedelta(minutes=30), False), (None, True)],
    ids=["a digest of yesterday", "one since the letter", "a first digest"],
)
def test_it_goes_with_the_first_digest_after_it_was_written(
    edition: Edition, last: timedelta | None, carries: bool
) -> None:
    Edition.objects.update(letter_at=NOON - timedelta(hours=1))
    person = a_subscriber(next_digest_at=NOON)
    if last:
        items = [{"paper": a_paper(announced_at=NOON - timedelta(days=3)).canonical_id}]
        due = NOON - last
        digest = a_digest(to=person, due_at=due, due_on=due.date() - timedelta(days=1), items=items)
        Digest.objects.filter(pk=digest.pk).update(state="sent", created_at=due)
    assert bool(assembly.preview(person, NOON).letter) is carries


def test_a_first_digest_carries_no_letter_of_last_week(edition: Edition) -> None:
    Edition.objects.update(letter_at=NOON - timedelta(days=3))
    assert assembly.preview(a_subscriber(next_digest_at=NOON), NOON).letter == ""


def test_a_preview_shows_it_and_stores_nothing(edition: Edition) -> None:
    digest = assembly.preview(a_subscriber(next_digest_at=NOON), NOON)
    assert "Dear readers" in parts_of(digest)[0]
    assert not FrozenLetter.objects.exists()


def test_without_a_letter_the_mail_has_none(edition: Edition) -> None:
    Edition.objects.update(letter="  ")
    a_subscriber(next_digest_at=NOON)
    html, text = parts_of(assembled())
    assert "A letter from" not in html + text


def test_the_day_page_and_the_digest_on_the_web_show_it(client: Client, edition: Edition) -> None:
    page = client.get(f"/archive/{edition.day.isoformat()}/").content.decode()
    assert "A letter from" in page
    assert "style=" not in page.split('id="letter"')[1].split("</section>")[0]
    a_subscriber(next_digest_at=NOON)
    digest = assembled()
    assert "Dear readers" in messages.digest_page(digest, snapshots.cards_of(digest))


def test_a_line_that_begins_with_a_dot_keeps_it_on_the_wire(edition: Edition) -> None:
    Edition.objects.update(letter="One\n\n.two")
    a_subscriber(next_digest_at=NOON)
    digest = assembled()
    mail = messages.digest_message(digest, snapshots.cards_of(digest))
    assert "\n.two" in mail.body
    assert letters.letter_of(digest).text.needs_stuffing


def test_an_editor_previews_and_saves_it(client: Client, edition: Edition) -> None:
    client.force_login(User.objects.create_superuser("editor"))
    path = f"{url_of(edition).removesuffix('change/')}letter/"
    assert "Dear readers" in client.get(path).content.decode()
    shown = client.post(path, {"letter": "A *new* one", "preview": ""}).content.decode()
    assert "<p>A <em>new</em> one</p>" in shown
    assert "not saved yet" in shown
    assert Edition.objects.get().letter == LETTER
    assert client.post(path, {"letter": "A *new* one", "save": ""}).status_code == 302
    saved = Edition.objects.get()
    assert (saved.letter, saved.letter_at) == ("A *new* one", NOON)
    assert Subscriber.objects.count() == 0


def test_who_may_only_look_cannot_write(client: Client, edition: Edition) -> None:
    user = User.objects.create_user("support", is_staff=True)
    client.force_login(user)
    path = f"{url_of(edition).removesuffix('change/')}letter/"
    client.post(path, {"letter": "Spam", "save": ""})
    assert Edition.objects.get().letter == LETTER
