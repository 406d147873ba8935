"""The newest editions as an Atom feed (RFC 4287)."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.syndication.views import Feed
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.utils.html import escape
from django.utils.text import capfirst

from newsletter import stories
from newsletter.stories import Story
from papers.models import Edition
from papers.text import line

EDITIONS: Final = 3
PAPERS_A_DAY: Final = 30


class Item(NamedTuple):
    """One paper in the edition that showed it last."""

    story: Story
    edition: Edition


class TrendingFeed(Feed):  # type: ignore[type-arg]  # generic in the stubs only
    """The papers of the last few days; a paper that trends for days is one entry."""

    feed_type = Atom1Feed

    def title(self) -> str:
        return f"{settings.SITE_NAME}: trending papers"

    def subtitle(self) -> str:
        return "What is trending among new research papers, each day anew."

    def link(self) -> str:
        return f"{settings.SITE_URL}{reverse('home')}"

    def feed_url(self) -> str:
        return f"{settings.SITE_URL}{reverse('feed')}"

    def author_name(self) -> str:
        return str(settings.SITE_NAME)

    def items(self) -> list[Item]:
        newest: dict[str, Item] = {}
        for edition in Edition.objects.all()[:EDITIONS]:
            for story in stories.of_edition(edition, limit=PAPERS_A_DAY):
                newest.setdefault(story.paper.canonical_id, Item(story, edition))
        return list(newest.values())

    def item_title(self, item: Item) -> str:
        return line(item.story.paper.title)

    def item_description(self, item: Item) -> str:
        why = capfirst(item.story.reason)
        words = f"{why}. {item.story.excerpt.lead}" if why else item.story.excerpt.lead
        return str(escape(line(words)))

    def item_link(self, item: Item) -> str:
        return f"{settings.SITE_URL}{item.story.paper.get_absolute_url()}"

    def item_guid(self, item: Item) -> str:
        """A tag URI (RFC 4151): it stays when the site moves to another scheme or path."""
        host = urlsplit(settings.SITE_URL).hostname
        first_listed = item.story.paper.announced_at.date()
        return f"tag:{host},{first_listed:%Y-%m-%d}:{item.story.paper.canonical_id}"

    def item_author_name(self, item: Item) -> str:
        return item.story.byline or settings.SITE_NAME

    def item_categories(self, item: Item) -> list[str]:
        return [line(category) for category in item.story.paper.categories]

    def item_pubdate(self, item: Item) -> datetime:
        return item.story.paper.announced_at

    def item_updateddate(self, item: Item) -> datetime:
        return datetime.combine(item.edition.day, time(), UTC)
