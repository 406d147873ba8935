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
from newsletter.web.presenters import ListedPaper
from papers.models import Edition
from papers.text.clean import line

FEED_EDITIONS: Final = 3
FEED_PAPERS_PER_EDITION: Final = 30
FEED_AUTHORS_PER_PAPER: Final = 30
"""Authors named per entry; the paper's page names all of them."""


class Item(NamedTuple):
    """A paper with the newest edition that lists it."""

    listed_paper: ListedPaper
    edition: Edition


class MultiAuthorAtomFeed(Atom1Feed):
    """An Atom feed with one ``author`` element per author (RFC 4287, section 4.2.1)."""

    def add_item_elements(self, handler: SimplerXMLGenerator, item: dict[str, Any]) -> None:
        """Write the elements of one entry, with an element for each author."""
        super().add_item_elements(handler, item)
        for name in item["authors"]:
            handler.startElement("author", AttributesImpl({}))
            handler.addQuickElement("name", name)
            handler.endElement("author")


class TrendingFeed(Feed):  # type: ignore[type-arg]  # generic in the stubs only
    """The papers of the newest editions; a paper of several editions is one entry."""

    feed_type = MultiAuthorAtomFeed

    def title(self) -> str:
        """Return the feed's title."""
        return f"{settings.SITE_NAME}: trending papers"

    def subtitle(self) -> str:
        """Return the feed's subtitle."""
        return "The trending research papers of each day."

    def link(self) -> str:
        """Return the address of the front page."""
        return f"{settings.SITE_URL}{reverse('home')}"

    def feed_url(self) -> str:
        """Return the address of the feed itself."""
        return f"{settings.SITE_URL}{reverse('feed')}"

    def author_name(self) -> str:
        """Return the author of the feed as a whole."""
        return str(settings.SITE_NAME)

    def items(self) -> list[Item]:
        """Return the papers of the newest editions, newest edition first."""
        newest: dict[str, Item] = {}
        at = now()
        for edition in Edition.objects.all()[:FEED_EDITIONS]:
            for listed_paper in presenters.from_edition(
                edition, at=at, limit=FEED_PAPERS_PER_EDITION
            ):
                newest.setdefault(listed_paper.paper.canonical_id, Item(listed_paper, edition))
        return list(newest.values())

    def item_title(self, item: Item) -> str:
        """Return the paper's title."""
        return line(item.listed_paper.paper.title)

    def item_description(self, item: Item) -> str:
        """Return the pick's note, the reason and the excerpt as escaped HTML."""
        listed_paper = item.listed_paper
        parts = (
            _pick(listed_paper),
            listed_paper.reason and f"{capfirst(listed_paper.reason)}.",
            listed_paper.excerpt.lead,
        )
        return str(escape(line(" ".join(filter(None, parts)))))

    def item_link(self, item: Item) -> str:
        """Return the address of the paper's page."""
        return f"{settings.SITE_URL}{item.listed_paper.paper.get_absolute_url()}"

    def item_guid(self, item: Item) -> str:
        """Return a tag URI (RFC 4151), which survives a change of the site's scheme or path."""
        host = urlsplit(settings.SITE_URL).hostname
        first_listed = item.listed_paper.paper.announced_at.date()
        return f"tag:{host},{first_listed:%Y-%m-%d}:{item.listed_paper.paper.canonical_id}"

    def item_extra_kwargs(self, item: Item) -> dict[str, Any]:
        """Return the authors for ``add_item_elements``; an entry needs at least one."""
        names = [line(name) for name in item.listed_paper.paper.authors[:FEED_AUTHORS_PER_PAPER]]
        return {"authors": names or [settings.SITE_NAME]}

    def item_categories(self, item: Item) -> list[str]:
        """Return the arXiv categories."""
        return [line(category) for category in item.listed_paper.paper.categories]

    def item_pubdate(self, item: Item) -> datetime:
        """Return when the paper was announced."""
        return item.listed_paper.paper.announced_at

    def item_updateddate(self, item: Item) -> datetime:
        """Return the day of the newest edition with the paper."""
        return datetime.combine(item.edition.day, time(), UTC)


def _pick(listed_paper: ListedPaper) -> str:
    """Return the words for an editor's pick with its note, or an empty string."""
    if not listed_paper.picked:
        return ""
    return f"Editor’s pick: “{listed_paper.note}”" if listed_paper.note else "Editor’s pick."
