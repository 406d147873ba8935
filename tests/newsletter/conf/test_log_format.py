"""Log lines as JSON, with the request they belong to."""

from __future__ import annotations

import io
import json
import logging

import pytest
from django.conf import settings
from django.test import Client

from newsletter.conf.log_format import JsonFormatter, RequestId, request_id


def test_a_line_is_an_object_with_time_request_and_digest() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(RequestId())
    log = logging.getLogger("paperboy.test.json")
    log.addHandler(handler)
    token = request_id.set("0123456789abcdef")
    try:
        log.warning("The %s failed.", "digest", extra={"digest": 17})
        try:
            raise ValueError("odd")
        except ValueError:
            log.exception("It broke.")
    finally:
        request_id.reset(token)
        log.removeHandler(handler)
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert first.pop("time").endswith("+00:00")
    assert first == {
        "level": "WARNING",
        "logger": "paperboy.test.json",
        "message": "The digest failed.",
        "request": "0123456789abcdef",
        "digest": "17",
    }
    assert second["traceback"].endswith("ValueError: odd")


@pytest.mark.parametrize(
    ("given", "kept"), [("0123456789abcdef", True), ("x\ny", False), ("short", False)]
)
def test_an_answer_names_its_request_and_keeps_a_proxys_name(
    client: Client, given: str, kept: bool
) -> None:
    answer = client.get("/healthz", headers={"X-Request-ID": given})
    assert (answer["X-Request-ID"] == given) is kept
    assert len(answer["X-Request-ID"]) >= 8


def test_the_handler_scrubs_whatever_the_format() -> None:
    assert settings.LOGGING["handlers"]["console"]["filters"] == ["request", "scrub"]
