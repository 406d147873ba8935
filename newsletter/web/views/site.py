"""The public pages. None of them changes anything."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.timezone import now
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe
from django.views.generic import RedirectView

from newsletter.subscriptions import consent_log
from newsletter.subscriptions import service as subscriptions
from newsletter.web import lists, presenters
from newsletter.web.views.inbox import inbox_is_open
from papers.models import Edition
from papers.trending import explanation, reasons

FRONT_PAGE_PAPERS: Final = 30
LEADING_PLACES: Final = 3

public = cache_control(public=True, max_age=60)
api_without_slash = RedirectView.as_view(url="/api/v1/%(name)s", query_string=True)


@require_safe
@cache_control(private=True, no_cache=True)
def home(request: HttpRequest) -> HttpResponse:
    """Show the sign-up form and what is trending today."""
    at = now()
    edition = Edition.objects.exclude(entries=[]).first()
    if edition:
        shown = presenters.from_edition(edition, at=at, stop=FRONT_PAGE_PAPERS)
        new, rising = lists.new_and_rising(shown, edition.news_day)
    else:
        shown = new = presenters.by_trending(FRONT_PAGE_PAPERS)
        rising = []
    newest = edition.news_day if edition else None
    context = {
        "edition": edition,
        "letter": edition.letter.strip() if edition else "",
        "count": presenters.news_count(edition) if edition else 0,
        "new": new,
        "rising": rising,
        "picks": presenters.picks(at, beside=shown),
        "more": edition is not None and len(edition.entries) > FRONT_PAGE_PAPERS,
        "unconfirmed": edition is not None and _is_unconfirmed(edition, shown),
        "newest": newest,
        "is_sample": lists.is_sample(newest, at.date()),
        "laptop_inbox": inbox_is_open(),
    }
    return render(request, "site/home.html", context)


def _is_unconfirmed(edition: Edition, shown: Iterable[presenters.ListedPaper]) -> bool:
    """Return whether none of the first papers has a second source or an editor behind it."""
    leading = [entry.get("parts", {}) for entry in edition.entries[:LEADING_PLACES]]
    # Where nothing was measured yet, there is nothing to confirm.
    if not any(parts.get("votes") for parts in leading):
        return False
    unconfirmed = all(map(reasons.is_unconfirmed, leading))
    return unconfirmed and not any(listed_paper.picked for listed_paper in shown)


@require_safe
@public
@conditional_page
def about_trending(request: HttpRequest) -> HttpResponse:
    """Explain how papers are ranked."""
    context = {
        "formula": explanation.FORMULA,
        "version": explanation.FORMULA_VERSION,
        "changes": explanation.CHANGES,
    }
    return render(request, "site/about_trending.html", context)


@require_safe
@public
@conditional_page
def privacy(request: HttpRequest) -> HttpResponse:
    """Explain what is stored about a subscriber, why, and for how long."""
    context = {
        "consent": consent_log.CONSENT_TEXT,
        "pending_days": subscriptions.PENDING_LIFETIME.days,
        "contact": settings.CONTACT_EMAIL,
    }
    return render(request, "site/privacy.html", context)


@require_safe
@public
def robots(request: HttpRequest) -> HttpResponse:
    """Keep crawlers away from pages behind personal links."""
    return render(request, "site/robots.txt", content_type="text/plain; charset=utf-8")
