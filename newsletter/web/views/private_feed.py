"""The private feed of a subscriber, in two formats, behind a token."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.views.decorators.http import require_safe

from newsletter.security import tokens
from newsletter.subscriptions import private_feeds
from newsletter.web import feeds, presenters
from newsletter.web.feeds import AtomView, Item, PaperFeed
from newsletter.web.presenters import ListedPaper
from newsletter.web.views.token_page import token_page


def _private_feed(_request: HttpRequest, token: str) -> PaperFeed:
    """Return what the digests of the token's owner list; neither address nor name is in it."""
    entries = private_feeds.items_of(tokens.subscriber_of_feed_token(token))
    papers = presenters.by_canonical_id([entry.item["paper"] for entry in entries])
    items = [
        Item(
            ListedPaper(
                papers[entry.item["paper"]],
                reason=entry.item.get("reason", ""),
                at=entry.written_at,
            ),
            entry.written_at,
        )
        for entry in entries
        if entry.item["paper"] in papers
    ]
    title = f"{settings.SITE_NAME}: your papers"
    return PaperFeed(title, "The papers of your digests.", reverse("home"), items)


atom = token_page(require_safe(AtomView(_private_feed)))
json = token_page(require_safe(feeds.json_view(_private_feed)))
