"""The decorator of pages behind a signed link."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from newsletter.security.tokens import (
    ErasedTokenError,
    ExpiredTokenError,
    InvalidTokenError,
    TokenError,
)

View = Callable[[HttpRequest, str], HttpResponse]

HEADERS: Final = {
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
}


def token_page(view: View) -> View:
    """Make a view a page behind a token: GET shows, POST acts.

    The token alone authorises the request and no cookie is read, so a forged request gains
    nothing. These pages need no CSRF cookie, which mail programs and one-click unsubscription
    (RFC 8058) would not send. Headers keep the link out of referrers and caches. An unusable
    link gets a page that says why: 410 for an expired one, 404 otherwise.
    """

    @csrf_exempt
    @require_http_methods(["GET", "HEAD", "POST"])
    @wraps(view)
    def page(request: HttpRequest, token: str) -> HttpResponse:
        try:
            response = view(request, token)
        except TokenError as error:
            response = _refused(request, error)
        for name, value in HEADERS.items():
            response.headers[name] = value
        return response

    return page


def _refused(request: HttpRequest, error: TokenError) -> HttpResponse:
    gone = isinstance(error, ErasedTokenError)
    cut = isinstance(error, InvalidTokenError) and not gone
    context = {"reason": str(error), "gone": gone, "cut": cut}
    status = 410 if isinstance(error, ExpiredTokenError) else 404
    return render(request, "subscriber/refused.html", context, status=status)
