"""Log lines as JSON, with the request they belong to."""

from __future__ import annotations

import io
import json
import logging

import pytest
from django.conf import settings
from django.test import Client

from newsletter import jobs
from newsletter.conf.log_format import JsonFormatter, RequestId, request_id
from newsletter.models import Notice


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


@pytest.mark.django_db
def test_a_sign_up_can_be_followed_from_its_request_to_its_mail(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "newsletter")
    caplog.handler.addFilter(RequestId())
    headers = {"X-Request-ID": "0123456789abcdef"}
    client.post("/subscribe/", {"email": "ada@example.org"}, headers=headers)
    jobs.send_notices()
    written = [json.loads(JsonFormatter().format(record)) for record in caplog.records]
    notice = str(Notice.objects.get().pk)
    [queued, sent] = [line for line in written if line.get("notice") == notice]
    assert queued["request"] == "0123456789abcdef"
    assert sent["message"].startswith(f"notices {notice}: sent")
    assert "ada@example.org" not in json.dumps(written)


def test_the_handler_scrubs_whatever_the_format() -> None:
    assert settings.LOGGING["handlers"]["console"]["filters"] == ["request", "scrub"]
