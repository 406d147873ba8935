"""What a visitor sees when there is nothing to see."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.urls import is_valid_path
from django.utils.http import escape_leading_slashes
from django.views.defaults import page_not_found


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The page for a 404, or the page that was meant when only its last slash is missing.

    Only reading is sent on: a POST, such as a one-click unsubscribe, never meets a redirect.
    """
    slash_missing = not request.path_info.endswith("/")
    if (
        request.method in {"GET", "HEAD"}
        and slash_missing
        and is_valid_path(f"{request.path_info}/")
    ):
        meant = request.get_full_path(force_append_slash=True)
        return HttpResponsePermanentRedirect(escape_leading_slashes(meant))
    return page_not_found(request, exception)
