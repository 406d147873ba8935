"""Context processors: the values that every page shows."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def branding(request: HttpRequest) -> dict[str, str]:
    """Return the site's name and editor, and the canonical address of this page.

    The canonical address is on SITE_URL and has no query.
    """
    return {
        "site_name": settings.SITE_NAME,
        "site_url": settings.SITE_URL,
        "editor": settings.EDITOR_NAME,
        "page_url": f"{settings.SITE_URL}{request.path}",
    }
