"""Feeds of every list of papers: Atom (RFC 4287) and JSON Feed 1.1 (https://jsonfeed.org)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit
from xml.sax.xmlreader import AttributesImpl

from django.conf import settings
from django.contrib.syndication.views import Feed
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.utils.html import escape
from django.utils.text import capfirst
from django.utils.timezone import now
from django.utils.xmlutils import SimplerXMLGenerator

from newsletter.web import presenters
from newsletter.web.lists import PaperList
from newsletter.web.presenters import ListedPaper
from papers.models import Edition
from papers.text.clean import line

FEED_EDITIONS: Final = 3
FEED_PAPERS_PER_EDITION: Final = 30
FEED_PAPERS: Final = 60
FEED_AUTHORS_PER_PAPER: Final = 30
"""Authors named per entry; the paper's page names all of them."""


class Item(NamedTuple):
    """A paper of a feed and when its entry last changed."""

    listed_paper: ListedPaper
    updated_at: datetime

    @property
    def published_at(self) -> datetime:
        """Return when the paper was announced."""
        return self.listed_paper.paper.announced_at

    @property
    def changed_at(self) -> datetime:
        """Return the later of the announcement, the last change and the editor's pick."""
        paper = self.listed_paper.paper
        moments = [self.published_at, self.updated_at]
        if self.listed_paper.picked and paper.picked_at:
            moments.append(paper.picked_at)
        return max(moments)

    @property
    def url(self) -> str:
        """Return the address of the paper's page."""
        return f"{settings.SITE_URL}{self.listed_paper.paper.get_absolute_url()}"

    @property
    def tag(self) -> str:
        """Return a tag URI (RFC 4151), which survives a change of the site's scheme or path."""
        host = urlsplit(settings.SITE_URL).hostname
        paper = self.listed_paper.paper
        return f"tag:{host},{paper.announced_at.date():%Y-%m-%d}:{paper.canonical_id}"

    @property
    def summary(self) -> str:
        """Return the pick's note, the reason and the summary as one line of plain text."""
        listed = self.listed_paper
        reason = listed.reason and f"{capfirst(listed.reason)}."
        summary = listed.summary
        credit = summary.credit and f"({summary.credit}.)"
        return line(" ".join(filter(None, (_pick(listed), reason, summary.line, credit))))

    @property
    def authors(self) -> list[str]:
        """Return the authors that the entry names."""
        named = self.listed_paper.paper.authors[:FEED_AUTHORS_PER_PAPER]
        return list(filter(None, map(line, named)))


@dataclass(frozen=True)
class PaperFeed:
    """What a feed is made of.

    ``path`` is that of the page with the same papers, with its query; ``feed_path`` is that of the
    feed.
    """

    title: str
    description: str
    path: str
    items: list[Item]
    feed_path: str = ""

    @property
    def page_url(self) -> str:
        """Return the address of the page with the same papers."""
        return f"{settings.SITE_URL}{self.path}"

    @property
    def feed_url(self) -> str:
        """Return the address of the feed, that of a search with its query."""
        _, mark, query = self.path.partition("?")
        return f"{settings.SITE_URL}{self.feed_path}{mark}{query}"


def front_page() -> PaperFeed:
    """Return the papers of the newest editions; a paper of several editions is one entry."""
    newest: dict[str, Item] = {}
    at = now()
    for edition in Edition.objects.all()[:FEED_EDITIONS]:
        changed = datetime.combine(edition.day, time(), UTC)
        for listed in presenters.from_edition(edition, at=at, stop=FEED_PAPERS_PER_EDITION):
            newest.setdefault(listed.paper.canonical_id, Item(listed, changed))
    return PaperFeed(
        f"{settings.SITE_NAME}: trending papers",
        "The trending research papers of each day.",
        reverse("home"),
        list(newest.values()),
    )


def paper_list(wanted: PaperList) -> PaperFeed:
    """Return the papers of a list of the site."""
    listed = wanted.papers(stop=FEED_PAPERS)
    title = f"{settings.SITE_NAME}: {wanted.title}"
    items = [Item(one, one.paper.announced_at) for one in listed]
    return PaperFeed(title, wanted.description, wanted.path, items)


def papers(title: str, description: str, path: str, listed: Iterable[ListedPaper]) -> PaperFeed:
    """Return any papers as a feed; an entry changes with its paper's pick only."""
    items = [Item(one, one.paper.announced_at) for one in listed]
    return PaperFeed(f"{settings.SITE_NAME}: {title}", description, path, items)


class MultiAuthorAtomFeed(Atom1Feed):
    """An Atom feed with one ``author`` per author (RFC 4287, section 4.2.1) and related links."""

    def add_item_elements(self, handler: SimplerXMLGenerator, item: dict[str, Any]) -> None:
        """Write the elements of one entry, with its authors and the links of its paper."""
        super().add_item_elements(handler, item)
        for name in item["authors"]:
            handler.startElement("author", AttributesImpl({}))
            handler.addQuickElement("name", name)
            handler.endElement("author")
        for label, url in item["links"]:
            attributes = {"rel": "related", "href": url, "title": label}
            handler.addQuickElement("link", "", attributes)


class AtomView(Feed):  # type: ignore[type-arg]  # generic in the stubs only
    """A view that answers with an Atom feed. ``find`` makes the feed of a request."""

    feed_type = MultiAuthorAtomFeed

    def __init__(self, find: Callable[..., PaperFeed]) -> None:
        super().__init__()
        self.find = find

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> PaperFeed:
        """Return the feed of this request."""
        return replace(self.find(request, *args, **kwargs), feed_path=request.path)

    def feed_url(self, feed: PaperFeed) -> str:
        """Return the address of the feed."""
        return feed.feed_url

    def title(self, feed: PaperFeed) -> str:
        """Return the feed's title."""
        return feed.title

    def subtitle(self, feed: PaperFeed) -> str:
        """Return the feed's subtitle."""
        return feed.description

    def link(self, feed: PaperFeed) -> str:
        """Return the address of the page with the same papers."""
        return feed.page_url

    def author_name(self) -> str:
        """Return the author of the feed as a whole."""
        return str(settings.SITE_NAME)

    def items(self, feed: PaperFeed) -> list[Item]:
        """Return the entries."""
        return feed.items

    def item_title(self, item: Item) -> str:
        """Return the paper's title."""
        return line(item.listed_paper.paper.title)

    def item_description(self, item: Item) -> str:
        """Return the summary as escaped HTML."""
        return str(escape(item.summary))

    def item_link(self, item: Item) -> str:
        """Return the address of the paper's page."""
        return item.url

    def item_guid(self, item: Item) -> str:
        """Return the entry's permanent id."""
        return item.tag

    def item_extra_kwargs(self, item: Item) -> dict[str, Any]:
        """Return authors and links for ``add_item_elements``; an entry needs an author."""
        links = [(link.label, link.url) for link in item.listed_paper.links]
        return {"authors": item.authors or [settings.SITE_NAME], "links": links}

    def item_categories(self, item: Item) -> list[str]:
        """Return the arXiv categories."""
        return [line(category) for category in item.listed_paper.paper.categories]

    def item_pubdate(self, item: Item) -> datetime:
        """Return when the paper was announced."""
        return item.published_at

    def item_updateddate(self, item: Item) -> datetime:
        """Return when the entry last changed."""
        return item.changed_at


def json_view(find: Callable[..., PaperFeed]) -> Callable[..., HttpResponse]:
    """Return a view that answers with a JSON feed. ``find`` makes the feed of a request."""

    def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        feed = replace(find(request, *args, **kwargs), feed_path=request.path)
        data = {
            "version": "https://jsonfeed.org/version/1.1",
            "title": feed.title,
            "description": feed.description,
            "home_page_url": feed.page_url,
            "feed_url": feed.feed_url,
            "language": "en",
            "authors": [{"name": settings.SITE_NAME, "url": settings.SITE_URL}],
            "items": [_json_item(item) for item in feed.items],
        }
        return HttpResponse(
            json.dumps(data, ensure_ascii=False), content_type="application/feed+json"
        )

    return view


def _json_item(item: Item) -> dict[str, Any]:
    paper = item.listed_paper.paper
    written = {
        "id": item.tag,
        "url": item.url,
        "external_url": next((link.url for link in item.listed_paper.links), ""),
        "title": line(paper.title),
        # Every item needs a content (JSON Feed 1.1).
        "content_text": item.summary or line(paper.title),
        "date_published": item.published_at.isoformat(),
        "date_modified": item.changed_at.isoformat(),
        "authors": [{"name": name} for name in item.authors],
        "tags": [line(category) for category in paper.categories],
    }
    return {key: value for key, value in written.items() if value}


def _pick(listed_paper: ListedPaper) -> str:
    """Return the words for an editor's pick with its note, or an empty string."""
    if not listed_paper.picked:
        return ""
    return f"Editor’s pick: “{listed_paper.note}”" if listed_paper.note else "Editor’s pick."
