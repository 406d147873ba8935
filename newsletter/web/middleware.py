"""What every request passes before a view sees it."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from prometheus_client import Histogram

from newsletter.conf.log_format import request_id

REQUEST_SECONDS = Histogram(
    "paperboy_request_seconds",
    "How long requests took, by the name of their address.",
    ["address", "status"],
    registry=None,
)
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
    """Give each request an id, or keep the proxy's, and measure how long it takes.

    Log lines and the answer carry the id.
    """

    def handle(request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        name = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        token = request_id.set(name)
        begun = time.perf_counter()
        try:
            response = get_response(request)
        finally:
            request_id.reset(token)
        match = request.resolver_match
        address = (match.view_name or "unnamed") if match else "unknown"
        seconds = time.perf_counter() - begun
        REQUEST_SECONDS.labels(address, response.status_code).observe(seconds)
        response["X-Request-ID"] = name
        return response

    return handle
