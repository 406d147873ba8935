"""The public pages. None of them changes anything."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final

from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.timezone import now
from django.views.decorators.cache import cache_control
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import conditional_page, require_safe

from newsletter.subscriptions import consent_log
from newsletter.subscriptions import service as subscriptions
from newsletter.web import lists, presenters
from papers.models import Edition, Paper
from papers.trending import explanation, reasons

FRONT_PAGE_PAPERS: Final = 30
SAMPLE_AGE: Final = timedelta(days=30)
"""Papers older than this are shown as a sample, not as news."""
FOLDER_BACKEND: Final = "newsletter.mail.backends.file.EmailBackend"
EDITIONS_PER_PAGE: Final = 31
LEADING_PLACES: Final = 3

public = cache_control(public=True, max_age=60)


@require_safe
@gzip_page
@cache_control(private=True, no_cache=True)
def home(request: HttpRequest) -> HttpResponse:
    """Show the sign-up form and what is trending today."""
    at = now()
    edition = Edition.objects.exclude(entries=[]).first()
    found = (
        presenters.from_edition(edition, at=at)
        if edition
        else presenters.by_trending(FRONT_PAGE_PAPERS)
    )
    shown = found[:FRONT_PAGE_PAPERS]
    new, rising = lists.new_and_rising(shown) if edition else (shown, [])
    context = {
        "edition": edition,
        "count": len(found),
        "new": new,
        "rising": rising,
        "picks": presenters.picks(at, beside=shown),
        "more": len(found) > FRONT_PAGE_PAPERS,
        "unconfirmed": edition is not None and _is_unconfirmed(edition, shown),
        "newest": new[0].day if new else None,
        "is_sample": bool(new) and at.date() - new[0].day > SAMPLE_AGE,
        "laptop_inbox": settings.LOCAL and settings.EMAIL_BACKEND == FOLDER_BACKEND,
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
def archive(request: HttpRequest) -> HttpResponse:
    """List the days with an edition, newest first, with the titles of their papers."""
    page = Paginator(Edition.objects.all(), EDITIONS_PER_PAGE).get_page(request.GET.get("page"))
    titles = _titles(entry["paper"] for edition in page for entry in edition.entries)
    days = [
        (edition, [titles[e["paper"]] for e in edition.entries if e["paper"] in titles])
        for edition in page
    ]
    return render(request, "site/archive.html", {"page": page, "days": days})


def _titles(ids: Iterable[str]) -> dict[str, str]:
    """Return the titles of papers that are not hidden by their ids."""
    found = Paper.objects.filter(canonical_id__in=set(ids), hidden=False)
    return dict(found.values_list("canonical_id", "title"))


@require_safe
@public
@conditional_page
def archive_day(request: HttpRequest, day: str) -> HttpResponse:
    """Show the edition of a day, or the papers announced on a day without one."""
    try:
        wanted = date.fromisoformat(day)
    except ValueError:
        wanted = None
    if wanted is None or wanted.isoformat() != day:
        raise Http404(f"“{day[:40]}” is not a day. Write it as year, month and day: 2025-03-11.")
    edition = Edition.objects.filter(day=wanted).first()
    shown = presenters.from_edition(edition) if edition else presenters.from_day(wanted)
    if edition is None and not shown:
        missing = f"There is no edition of {wanted:%-d %B %Y}. The archive lists the days with one."
        raise Http404(missing)
    context = {
        "day": wanted,
        "listed": shown,
        "ranked": edition is not None,
        "newer": Edition.objects.filter(day__gt=wanted).order_by("day").only("day").first(),
        "older": Edition.objects.filter(day__lt=wanted).only("day").first(),
    }
    return render(request, "site/archive_day.html", context)


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
