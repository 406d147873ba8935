"""Reading all of arXiv: in few feeds, each below the limit of items."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from papers.sources import arxiv_rss
from papers.sources.protocol import Answer, Step, Visit
from papers.text import taxonomy

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
FEED = '<rss version="2.0"><channel><title>{} updates on arXiv.org</title>{}</channel></rss>'
ITEM = (
    "<item><title>T</title><link>https://arxiv.org/abs/2611.{0:05}</link>"
    "<description>Abstract: We do.</description><guid>oai:arXiv.org:2611.{0:05}v1</guid></item>"
)


class Feeds:
    """The feeds of a day: so many items for each, none for others; asked again, unchanged."""

    def __init__(self, sizes: dict[str, int]) -> None:
        self.sizes = sizes
        self.asked: list[str] = []

    def ask(self, url: str, *, etag: str = "", **_: Any) -> Answer:
        feed = url.removeprefix(arxiv_rss.BASE)
        self.asked.append(feed)
        if etag:
            return Answer(unchanged=True)
        items = "".join(ITEM.format(number) for number in range(self.sizes.get(feed, 0)))
        return Answer(FEED.format(feed, items).encode(), etag=f"of {feed}")

    def read(self, address: str = "", **cursor: Any) -> list[Step]:
        return list(arxiv_rss.fetch(Visit(address, self.ask, NOW, cursor)))


def test_the_feeds_of_all_of_arxiv_name_every_archive_once() -> None:
    named = [code for feed in arxiv_rss.ALL_FEEDS for code in feed.split("+")]
    assert sorted(named) == sorted(taxonomy.ARCHIVES)


def test_without_an_address_all_feeds_are_read_once() -> None:
    feeds = Feeds({"cs": 3})
    steps = feeds.read()
    assert tuple(feeds.asked) == arxiv_rss.ALL_FEEDS
    assert sum(len(step.listing.records) for step in steps) == 3
    feeds.read(**steps[-1].cursor)
    assert tuple(feeds.asked[3:]) == arxiv_rss.ALL_FEEDS


@pytest.mark.parametrize("address", ["cs.AI+math.AG", "cs.AI math.AG", "cs.AI, math.AG"])
def test_a_narrowed_source_is_one_feed(address: str) -> None:
    feeds = Feeds({})
    feeds.read(address)
    assert feeds.asked == ["cs.AI+math.AG"]


def test_a_feed_at_its_limit_is_read_in_halves_and_stays_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(arxiv_rss, "ITEMS_PER_FEED", 5)
    feeds = Feeds({"math+stat": 5, "math": 5})
    steps = feeds.read("math+stat")
    assert feeds.asked[:2] == ["math+stat", "math"]
    halves = feeds.asked[2:4]
    assert "+".join(halves).split("+") == [c for c in taxonomy.NAMES if c.startswith("math.")]
    assert feeds.asked[4:] == ["stat"]
    assert steps[-1].cursor["feeds"] == [*halves, "stat"]
    before = len(feeds.asked)
    feeds.read("math+stat", **steps[-1].cursor)
    assert feeds.asked[before:] == [*halves, "stat"]


def test_a_visit_that_was_stopped_asks_the_read_feeds_only_for_news() -> None:
    feeds = Feeds({"cs": 3})
    first = next(iter(arxiv_rss.fetch(Visit("", feeds.ask, NOW))))
    steps = feeds.read(**first.cursor)
    assert steps[0].listing.records == []
    assert steps[-1].cursor["feeds"] == list(arxiv_rss.ALL_FEEDS)
