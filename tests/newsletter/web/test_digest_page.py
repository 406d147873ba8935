"""The web view of a digest: the whole of it, for whoever holds the link, changing nothing."""

from __future__ import annotations

import pytest
from django.test import Client

from newsletter.models import Subscriber, UnsubscribeToken
from newsletter.security import tokens
from papers.models import Paper
from tests.factories import a_digest, a_paper

pytestmark = pytest.mark.django_db


def address(digest: object) -> str:
    return f"/digest/{tokens.digest_token(digest)}/"  # type: ignore[arg-type]


def test_the_page_shows_every_paper_of_the_digest_without_shortening(client: Client) -> None:
    papers = [a_paper(title="字" * 300, abstract="字" * 2000) for _ in range(60)]
    items = [{"paper": p.canonical_id, "reason": "new", "slot": "trending"} for p in papers]
    response = client.get(address(a_digest(items=items)))
    page = response.content.decode()
    assert len(response.content) > 90_000
    assert all(f"/papers/{paper.canonical_id}/" in page for paper in papers)
    assert "on the web" not in page


def test_the_page_has_a_heading_and_a_main_part_that_the_mail_has_not(client: Client) -> None:
    page = client.get(address(a_digest())).content.decode()
    assert page.count("<h1 ") == page.count("</h1>") == page.count('role="main"') == 1


def test_the_page_can_be_passed_on_it_names_nobody_and_no_link_acts_for_anybody(
    client: Client,
) -> None:
    digest = a_digest()
    page = client.get(address(digest)).content.decode()
    assert digest.subscriber.email not in page
    assert "You get this because" not in page
    acting = ("/preferences/", "/unsubscribe/", "/feedback/", "/privacy/", "/confirm/", "/feeds/")
    assert not [path for path in acting if path in page]
    assert tokens.digest_token(digest) not in page


def test_looking_changes_nothing_and_leaves_no_trace_elsewhere(client: Client) -> None:
    digest = a_digest()
    before = list(Subscriber.objects.values())
    response = client.get(address(digest))
    assert list(Subscriber.objects.values()) == before
    assert not UnsubscribeToken.objects.exists()
    assert response["Referrer-Policy"] == "no-referrer"
    assert "no-store" in response["Cache-Control"]
    assert response["X-Robots-Tag"] == "noindex"
    assert "script-src" not in response["Content-Security-Policy"]
    assert "default-src 'none'" in response["Content-Security-Policy"]


def test_the_page_can_only_be_read(client: Client) -> None:
    assert client.post(address(a_digest())).status_code == 405


@pytest.mark.parametrize("damage", ["x", "", "."])
def test_a_damaged_link_is_explained(client: Client, damage: str) -> None:
    good = tokens.digest_token(a_digest())
    response = client.get(f"/digest/{good[:-3]}{damage}/")
    assert response.status_code == 404
    assert "not complete" in response.content.decode()


def test_a_digest_whose_papers_are_gone_is_explained(client: Client) -> None:
    digest = a_digest()
    Paper.objects.all().delete()
    response = client.get(address(digest))
    assert response.status_code == 404
    assert "None of the papers" in response.content.decode()
