"""Feeds of every list, in JSON (version 1.1) and Atom."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from lxml import etree

from papers.models import Paper
from papers.trending import lists
from tests.factories import a_paper, an_edition

pytestmark = pytest.mark.django_db
THURSDAY = datetime(2026, 11, 26, 12, tzinfo=UTC)
ATOM = "{http://www.w3.org/2005/Atom}"
FEEDS = [
    *("/feed", "/week/feed", "/month/feed", "/fields/cs.CL/feed", "/fields/cs/month/feed"),
    *("/archive/2026-11-26/feed", "/search/feed"),
]


@pytest.fixture
def paper() -> Paper:
    paper = a_paper(
        title="Sparse attention",
        announced_at=THURSDAY,
        pdf_url="https://arxiv.org/pdf/2611.00001",
        code_url="https://github.com/a/b",
    )
    an_edition(paper, day=THURSDAY.date())
    lists.update(THURSDAY)
    return paper


def json_feed(client: Client, path: str) -> dict[str, Any]:
    response = client.get(path, {"q": "sparse"})
    assert response.status_code == 200
    assert response["Content-Type"] == "application/feed+json"
    found: dict[str, Any] = response.json()
    return found


@pytest.mark.parametrize("path", FEEDS)
def test_every_list_has_both_formats_with_the_same_papers(
    client: Client, paper: Paper, path: str
) -> None:
    feed = json_feed(client, f"{path}.json")
    root = etree.fromstring(client.get(f"{path}.xml", {"q": "sparse"}).content)
    assert [item["id"] for item in feed["items"]] == [
        entry.findtext(f"{ATOM}id") for entry in root.findall(f"{ATOM}entry")
    ]
    assert feed["title"] == root.findtext(f"{ATOM}title")


def test_it_has_what_version_1_1_asks_for(client: Client, paper: Paper) -> None:
    feed = json_feed(client, "/feed.json")
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["feed_url"] == "http://127.0.0.1:8000/feed.json"
    [item] = feed["items"]
    assert item["url"] == f"http://127.0.0.1:8000{paper.get_absolute_url()}"
    assert item["title"] == "Sparse attention"
    assert item["authors"] == [{"name": "Ada Lovelace"}, {"name": "Alan Turing"}]
    assert datetime.fromisoformat(item["date_published"]) == THURSDAY


def test_an_entry_links_to_pdf_and_code(client: Client, paper: Paper) -> None:
    root = etree.fromstring(client.get("/feed.xml").content)
    related = root.findall(f"{ATOM}entry/{ATOM}link[@rel='related']")
    assert [link.get("title") for link in related] == ["arXiv", "PDF", "Code"]


def test_an_entry_is_never_updated_before_it_was_published(client: Client) -> None:
    an_edition(a_paper(announced_at=THURSDAY), day=THURSDAY.date() - timedelta(days=5))
    [item] = json_feed(client, "/feed.json")["items"]
    assert item["date_modified"] >= item["date_published"]


def test_a_pick_updates_the_entry(client: Client, paper: Paper) -> None:
    from django.utils.timezone import now

    picked_at = now() - timedelta(hours=1)
    Paper.objects.update(picked_at=picked_at)
    [item] = json_feed(client, "/feed.json")["items"]
    assert datetime.fromisoformat(item["date_modified"]) == picked_at


@pytest.mark.parametrize("path", ["/archive/2020-01-01/feed.json", "/fields/cs.ZZ/feed.xml"])
def test_a_list_that_does_not_exist_has_no_feed(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404
