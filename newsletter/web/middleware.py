"""What every request passes before a view sees it."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

Handler = Callable[[HttpRequest], HttpResponse]


def utf8_forms(get_response: Handler) -> Handler:
    """Read every form as UTF-8, whatever charset its header claims.

    All our pages are UTF-8, so that any other name is an error or an attempt: Django refuses most
    of them with 400, which would break one-click unsubscribe, and fails on codecs such as zlib.
    """

    def handle(request: HttpRequest) -> HttpResponse:
        if "charset" in (request.content_params or {}):
            request.encoding = "utf-8"
        return get_response(request)

    return handle
