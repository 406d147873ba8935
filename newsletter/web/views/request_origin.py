"""The origin of a request, for the consent log and the rate limits."""

from __future__ import annotations

from django.http import HttpRequest

from newsletter.security import throttle
from newsletter.subscriptions.consent_log import ActionOrigin


def origin_of(request: HttpRequest, form: str) -> ActionOrigin:
    """Return client address and user agent of an action taken at ``form``."""
    ip = throttle.client_ip(
        request.META.get("REMOTE_ADDR", ""), request.headers.get("X-Forwarded-For", "")
    )
    return ActionOrigin(form, ip, request.headers.get("User-Agent", ""))
