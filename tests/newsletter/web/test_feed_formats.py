"""What Atom (RFC 4287) and JSON Feed 1.1 ask of every feed, and how feedparser reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import feedparser
import pytest
from django.test import Client
from lxml import etree

from newsletter.security import tokens
from newsletter.web import request_limit
from papers.trending import lists
from tests.factories import a_digest, a_paper, an_edition

pytestmark = pytest.mark.django_db
THURSDAY = datetime(2026, 11, 26, 12, tzinfo=UTC)
NAMES: Final = {"a": "http://www.w3.org/2005/Atom"}
FEEDS: Final = ("front", "week", "ended week", "field", "day", "search", "private")


@pytest.fixture
def paths() -> dict[str, str]:
    """The feeds with hostile, bare and ordinary papers in them."""
    request_limit.forget_all()
    papers = [
        a_paper(
            title="Sparse <b>attention</b> & “more” \u202e\x0b",
            abstract="a]]>b <script>",
            authors=["Ada & Co", ""],
            announced_at=THURSDAY,
            picked_at=THURSDAY + timedelta(hours=2),
            editor_note="Read it.\n\nTwice.",
            pdf_url="https://arxiv.org/pdf/2611.00001?a=1&b=2",
            code_url="javascript:alert(1)",
        ),
        a_paper(
            title="Sparse", authors=[], categories=[], abstract="", url="", announced_at=THURSDAY
        ),
        a_paper(title="Sparse more", announced_at=THURSDAY - timedelta(days=1)),
    ]
    an_edition(*papers, day=THURSDAY.date())
    lists.update(THURSDAY)
    items = [{"paper": one.canonical_id, "reason": "new", "slot": "pick"} for one in papers]
    token = tokens.feed_token(a_digest(items=items).subscriber)
    return {
        "front": "/feed",
        "week": "/week/feed",
        "ended week": "/fields/cs.CL/week/2026-W48/feed",
        "field": "/fields/cs.CL/feed",
        "day": "/archive/2026-11-26/feed",
        "search": "/search/feed",
        "private": f"/feeds/{token}/feed",
    }


def get(client: Client, path: str) -> Any:
    response = client.get(path, {"q": "sparse"})
    assert response.status_code == 200
    return response


@pytest.mark.parametrize("name", FEEDS)
def test_atom_has_what_the_standard_asks_for(
    client: Client, paths: dict[str, str], name: str
) -> None:
    root = etree.fromstring(get(client, f"{paths[name]}.xml").content)
    for one in (root, *root.findall("a:entry", NAMES)):
        for needed in ("id", "title", "updated"):
            assert len(one.findall(f"a:{needed}", NAMES)) == 1
            assert one.findtext(f"a:{needed}", namespaces=NAMES)
        assert len(one.findall("a:link[@rel='alternate']", NAMES)) == 1
        assert all(
            author.findtext("a:name", namespaces=NAMES)
            for author in one.iterfind("a:author", NAMES)
        )
    assert root.find("a:author", NAMES) is not None
    assert len(root.findall("a:link[@rel='self']", NAMES)) == 1
    ids = [one.findtext("a:id", namespaces=NAMES) for one in root.findall("a:entry", NAMES)]
    assert len(ids) == len(set(ids)) > 1


@pytest.mark.parametrize("name", FEEDS)
def test_feedparser_reads_atom_without_a_complaint(
    client: Client, paths: dict[str, str], name: str
) -> None:
    response = get(client, f"{paths[name]}.xml")
    read = feedparser.parse(
        response.content, response_headers={"content-type": response["Content-Type"]}
    )
    assert not read.bozo, read.get("bozo_exception")
    assert read.version == "atom10"
    for entry in read.entries:
        assert entry.updated_parsed >= entry.published_parsed
        assert entry.title
        assert entry.link.startswith("http")
        assert "<script" not in entry.summary
        assert not any(link.href.startswith("javascript") for link in entry.links)


@pytest.mark.parametrize("name", FEEDS)
def test_json_has_what_the_standard_asks_for(
    client: Client, paths: dict[str, str], name: str
) -> None:
    response = get(client, f"{paths[name]}.json")
    assert response["Content-Type"] == "application/feed+json"
    feed = response.json()
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["title"]
    assert feed["feed_url"].partition("?")[0].endswith(f"{paths[name]}.json")
    ids = [item["id"] for item in feed["items"]]
    assert len(ids) == len(set(ids)) > 1
    for item in feed["items"]:
        assert isinstance(item["id"], str)
        assert "content_text" in item or "content_html" in item
        published, modified = (
            datetime.fromisoformat(item[f"date_{kind}"]) for kind in ("published", "modified")
        )
        assert published.tzinfo is not None
        assert published <= modified
        assert all(author["name"] for author in item.get("authors", []))


def test_the_feed_of_a_search_names_its_own_address_with_the_query(client: Client) -> None:
    a_paper(title="Café graphs & trees")
    atom = feedparser.parse(client.get("/search/feed.xml?q=caf%C3%A9+%26+x").content)
    [itself] = [link.href for link in atom.feed.links if link.rel == "self"]
    assert itself.endswith("/search/feed.xml?q=caf%C3%A9+%26+x")
    listed = client.get("/search/feed.json?q=graphs").json()
    assert listed["feed_url"].endswith("/search/feed.json?q=graphs")
