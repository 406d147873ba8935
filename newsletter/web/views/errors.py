"""Error pages."""

from __future__ import annotations

import sys
from typing import Final

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect, JsonResponse
from django.urls import is_valid_path
from django.utils.http import escape_leading_slashes
from django.views import defaults
from django.views.defaults import page_not_found

RETRY_SECONDS = 30


FILE_ENDINGS: Final = (".bib", ".json", ".png", ".txt", ".xml")
API: Final = "/api/"


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404, or redirect a GET whose address lacks only the final slash.

    A POST, such as a one-click unsubscribe, is never redirected.
    """
    if request.path_info.startswith(API):
        return JsonResponse({"detail": "There is nothing at this address."}, status=404)
    slash_missing = not request.path_info.endswith(("/", *FILE_ENDINGS))
    if (
        request.method in {"GET", "HEAD"}
        and slash_missing
        and is_valid_path(f"{request.path_info}/")
    ):
        meant = request.get_full_path(force_append_slash=True)
        return HttpResponsePermanentRedirect(escape_leading_slashes(meant))
    return page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 503 while the database cannot be reached, otherwise 500."""
    if isinstance(sys.exc_info()[1], (OperationalError, InterfaceError)):
        return HttpResponse(
            "The site is not available at the moment. Please try again in a minute.\n",
            content_type="text/plain; charset=utf-8",
            status=503,
            headers={"Retry-After": str(RETRY_SECONDS), "Cache-Control": "no-store"},
        )
    return defaults.server_error(request)
