"""The web view of a digest, behind "Read on the web"."""

from __future__ import annotations

from typing import Final

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from newsletter.mail import messages, snapshots
from newsletter.security import tokens

# A mail has inline styles and needs nothing else.
POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


@require_safe
@never_cache
def digest(request: HttpRequest, token: str) -> HttpResponse:
    """Show one digest as it was sent."""
    try:
        shown = tokens.digest_of_digest_token(token)
        page = messages.digest_page(shown, snapshots.cards_of(shown))
    except (tokens.TokenError, messages.IncompleteMessageError) as error:
        raise Http404(str(error)) from error
    return HttpResponse(
        page,
        headers={
            "Content-Security-Policy": POLICY,
            "Referrer-Policy": "no-referrer",
            "X-Robots-Tag": "noindex",
        },
    )
