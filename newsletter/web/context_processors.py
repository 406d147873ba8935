"""What every page says about whose newsletter this is."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def branding(request: HttpRequest) -> dict[str, str]:
    """Context processor: the site's name, its editor and this page's own address.

    The address is the one that may be shared and indexed: on SITE_URL, without a query.
    """
    return {
        "site_name": settings.SITE_NAME,
        "site_url": settings.SITE_URL,
        "editor": settings.EDITOR_NAME,
        "page_url": f"{settings.SITE_URL}{request.path}",
    }
