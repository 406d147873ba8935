"""The newest editions as an Atom feed (RFC 4287)."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit
from xml.sax.xmlreader import AttributesImpl

from django.conf import settings
from django.contrib.syndication.views import Feed
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.utils.html import escape
from django.utils.text import capfirst
from django.utils.timezone import now
from django.utils.xmlutils import SimplerXMLGenerator

from newsletter.web import presenters
from newsletter.web.presenters import Story
from papers.models import Edition
from papers.text.clean import line

EDITIONS: Final = 3
PAPERS_A_DAY: Final = 30
AUTHORS: Final = 30
"""As many are named of a paper; its page names them all."""


class Item(NamedTuple):
    """One paper in the edition that showed it last."""

    story: Story
    edition: Edition


class AtomOfManyAuthors(Atom1Feed):
    """An element for each author: feed readers make a person of each (RFC 4287, 4.2.1)."""

    def add_item_elements(self, handler: SimplerXMLGenerator, item: dict[str, Any]) -> None:
        super().add_item_elements(handler, item)
        for name in item["authors"]:
            handler.startElement("author", AttributesImpl({}))
            handler.addQuickElement("name", name)
            handler.endElement("author")


class TrendingFeed(Feed):  # type: ignore[type-arg]  # generic in the stubs only
    """The papers of the last few days; a paper that trends for days is one entry."""

    feed_type = AtomOfManyAuthors

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
        at = now()
        for edition in Edition.objects.all()[:EDITIONS]:
            for story in presenters.of_edition(edition, at=at, limit=PAPERS_A_DAY):
                newest.setdefault(story.paper.canonical_id, Item(story, edition))
        return list(newest.values())

    def item_title(self, item: Item) -> str:
        return line(item.story.paper.title)

    def item_description(self, item: Item) -> str:
        story = item.story
        said = (_pick(story), story.reason and f"{capfirst(story.reason)}.", story.excerpt.lead)
        return str(escape(line(" ".join(filter(None, said)))))

    def item_link(self, item: Item) -> str:
        return f"{settings.SITE_URL}{item.story.paper.get_absolute_url()}"

    def item_guid(self, item: Item) -> str:
        """A tag URI (RFC 4151): it stays when the site moves to another scheme or path."""
        host = urlsplit(settings.SITE_URL).hostname
        first_listed = item.story.paper.announced_at.date()
        return f"tag:{host},{first_listed:%Y-%m-%d}:{item.story.paper.canonical_id}"

    def item_extra_kwargs(self, item: Item) -> dict[str, Any]:
        names = [line(name) for name in item.story.paper.authors[:AUTHORS]]
        return {"authors": names or [settings.SITE_NAME]}

    def item_categories(self, item: Item) -> list[str]:
        return [line(category) for category in item.story.paper.categories]

    def item_pubdate(self, item: Item) -> datetime:
        return item.story.paper.announced_at

    def item_updateddate(self, item: Item) -> datetime:
        return datetime.combine(item.edition.day, time(), UTC)


def _pick(story: Story) -> str:
    """That it is one while that is so, and what the editor says of it."""
    if not story.picked:
        return ""
    return f"Editor’s pick: “{story.note}”" if story.note else "Editor’s pick."
