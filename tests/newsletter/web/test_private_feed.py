"""The private feed of a subscriber: what the digests list, at an address that can be renewed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import now
from lxml import etree
from pytest_django import DjangoAssertNumQueries

from newsletter.mail import messages, snapshots
from newsletter.models import Digest, Subscriber
from newsletter.security import tokens
from papers.models import Paper
from tests.factories import a_digest, a_paper, a_subscriber

pytestmark = pytest.mark.django_db
ATOM = "{http://www.w3.org/2005/Atom}"


def item(paper: Paper, reason: str = "near what you like") -> dict[str, Any]:
    return {"paper": paper.canonical_id, "reason": reason, "slot": "personal", "score": 0.5}


def path(subscriber: Subscriber, kind: str = "json") -> str:
    subscriber.refresh_from_db()
    return f"/feeds/{tokens.feed_token(subscriber)}/feed.{kind}"


def titles(client: Client, subscriber: Subscriber) -> list[str]:
    response = client.get(path(subscriber))
    assert response.status_code == 200
    return [entry["title"] for entry in response.json()["items"]]


def test_it_lists_the_items_of_the_digests_newest_first_with_their_reasons(client: Client) -> None:
    reader, papers = a_subscriber(), [a_paper() for _ in range(3)]
    yesterday = now() - timedelta(days=1)
    a_digest(
        to=reader, items=[item(papers[2])], due_at=yesterday, due_on=yesterday.date(), state="sent"
    )
    a_digest(to=reader, items=[item(papers[1]), item(papers[0])])
    a_digest(items=[item(a_paper())])
    assert titles(client, reader) == [papers[1].title, papers[0].title, papers[2].title]
    entry = client.get(path(reader)).json()["items"][0]
    assert entry["content_text"].startswith("Near what you like.")


def test_both_formats_have_the_same_entries(client: Client) -> None:
    reader, papers = a_subscriber(), [a_paper() for _ in range(3)]
    a_digest(to=reader, items=[item(paper) for paper in papers])
    root = etree.fromstring(client.get(path(reader, "xml")).content)
    ids = [entry.findtext(f"{ATOM}id") for entry in root.findall(f"{ATOM}entry")]
    assert ids == [entry["id"] for entry in client.get(path(reader)).json()["items"]]
    assert len(ids) == 3


@pytest.mark.parametrize("state", ["skipped", "cancelled"])
def test_a_digest_that_nobody_gets_is_not_in_it(client: Client, state: str) -> None:
    reader = a_subscriber()
    a_digest(to=reader, items=[item(a_paper())], state=state)
    assert titles(client, reader) == []


def test_hidden_papers_leave_it(client: Client) -> None:
    reader, hidden = a_subscriber(), a_paper()
    a_digest(to=reader, items=[item(hidden)])
    Paper.objects.update(hidden=True)
    assert titles(client, reader) == []


@pytest.mark.parametrize("kind", ["xml", "json"])
def test_it_shows_no_address_and_stays_out_of_caches_and_referrers(
    client: Client, kind: str
) -> None:
    reader = a_subscriber(email="ada@example.org")
    a_digest(to=reader, items=[item(a_paper())])
    response = client.get(path(reader, kind))
    assert b"ada" not in response.content
    assert tokens.preferences_token(reader) not in response.content.decode()
    assert response["Cache-Control"] == "no-store"
    assert response["Referrer-Policy"] == "no-referrer"
    assert "noindex" in response["X-Robots-Tag"]


def test_a_new_address_makes_the_old_one_void(client: Client) -> None:
    reader, paper = a_subscriber(), a_paper()
    a_digest(to=reader, items=[item(paper)])
    old = path(reader)
    preferences = f"/preferences/{tokens.preferences_token(reader)}/"
    page = client.post(preferences, {"action": "renew-feed"}).content.decode()
    assert client.get(old).status_code == 410
    assert titles(client, reader) == [paper.title]
    assert old not in page
    assert path(reader) in page


@pytest.mark.parametrize(
    ("status", "code"), [("paused", 200), ("unsubscribed", 410), ("suppressed", 410)]
)
def test_it_ends_with_the_subscription(client: Client, status: str, code: int) -> None:
    reader = a_subscriber()
    address = path(reader)
    Subscriber.objects.update(status=status, next_digest_at=None)
    assert client.get(address).status_code == code


def test_an_erased_or_invented_token_is_not_found(client: Client) -> None:
    reader = a_subscriber()
    address = path(reader)
    reader.delete()
    assert client.get(address).status_code == 404
    assert client.get("/feeds/made-up/feed.xml").status_code == 404
    assert (
        client.get(f"/feeds/{tokens.preferences_token(a_subscriber())}/feed.xml").status_code == 404
    )


def test_reading_changes_nothing_and_nothing_else_is_allowed(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    reader = a_subscriber()
    a_digest(to=reader, items=[item(a_paper()) for _ in range(20)])
    before = list(Digest.objects.values()), list(Subscriber.objects.values())
    address = path(reader, "xml")
    with django_assert_max_num_queries(3):
        client.get(address)
    assert client.post(path(reader)).status_code == 405
    assert before == (list(Digest.objects.values()), list(Subscriber.objects.values()))


def test_the_preferences_page_and_every_digest_lead_to_it(client: Client) -> None:
    reader = a_subscriber()
    page = client.get(f"/preferences/{tokens.preferences_token(reader)}/").content.decode()
    assert path(reader, "xml") in page
    assert path(reader, "json") in page
    assert 'id="feed"' in page
    digest = a_digest(to=reader)
    message = messages.digest_message(digest, snapshots.cards_of(digest))
    html = message.alternatives[0][0]
    for part in (message.body, html):
        assert f"/preferences/{tokens.preferences_token(reader)}/#feed" in part
