"""The sitemap (https://www.sitemaps.org/protocol.html)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final
from urllib.parse import quote
from xml.sax.saxutils import escape

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from newsletter.web import lists
from papers.models import Edition, Paper

NEWEST_PAPERS: Final = 5000
"""About a week of arXiv; older papers are linked from the days of the archive."""


@require_safe
@cache_control(public=True, max_age=3600)
def sitemap(request: HttpRequest) -> HttpResponse:
    """Name the lists, the days of the archive and the newest papers."""
    rows = "".join(
        f"<url><loc>{escape(settings.SITE_URL + path)}</loc>"
        f"{f'<lastmod>{changed.isoformat()}</lastmod>' if changed else ''}</url>\n"
        for path, changed in _addresses()
    )
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{rows}</urlset>\n'
    )
    return HttpResponse(body, content_type="application/xml")


def _addresses() -> Iterator[tuple[str, date | None]]:
    """Yield paths with the day of their last change."""
    for name in ("home", "week", "month", "fields", "archive", "about-trending", "privacy"):
        yield reverse(name), None
    for field in sorted(lists.week_counts()):
        yield lists.path_of(field, "day"), None
        yield lists.path_of(field, "week"), None
    for day in Edition.objects.exclude(entries=[]).values_list("day", flat=True):
        yield reverse("archive-day", args=[day.isoformat()]), day
    newest = Paper.objects.filter(hidden=False).order_by("-announced_at")[:NEWEST_PAPERS]
    before, _, after = reverse("paper", args=["ID"]).partition("ID")
    for identifier, announced in newest.values_list("canonical_id", "announced_at"):
        yield f"{before}{quote(identifier)}{after}", announced.date()
