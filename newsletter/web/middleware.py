"""What every request passes before a view sees it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from newsletter.conf.log_format import request_id

REQUEST_ID = re.compile(r"[\w-]{8,64}")
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


def numbered(get_response: Handler) -> Handler:
    """Give each request an id, or keep the proxy's; log lines and the answer carry it."""

    def handle(request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        name = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        token = request_id.set(name)
        try:
            response = get_response(request)
        finally:
            request_id.reset(token)
        response["X-Request-ID"] = name
        return response

    return handle
