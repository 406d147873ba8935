"""Nothing that acts for a person, and no address, reaches a log."""

from __future__ import annotations

import io
import logging
import logging.config
import sys
import time
from collections.abc import Iterator

import pytest
from django.conf import settings as project
from django.test import Client
from pytest_django import Settings

from newsletter.security import tokens
from newsletter.security.log_scrubbing import scrubbed
from tests.factories import a_subscriber


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the handler of the settings writes, through its own filter and formatter."""
    stream = io.StringIO()
    handlers = [h for h in logging.getLogger().handlers if h.get_name() == "console"]
    handler = handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(stream)
    yield stream
    handler.setStream(before or sys.stderr)


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("Not Found: /confirm/12-ab.c_d-e/", "Not Found: /confirm/[token]/"),
        ('"POST /unsubscribe/q2-_Z HTTP/1.1" 200', '"POST /unsubscribe/[token] HTTP/1.1" 200'),
        ("https://x.org/feedback/a.b.3.up/?x=1", "https://x.org/feedback/[token]/?x=1"),
        ("GET /feedback/digest/ab-c.d_e/ 200", "GET /feedback/digest/[token]/ 200"),
        ("GET /papers/2503.01234/", "GET /papers/2503.01234/"),
        ("refused Ada.B+c@mail.example.org: 550", "refused [address]: 550"),
        ("/search/?q=ada%40example.org", "/search/?q=[address]"),
        ("2 attempts @ 3 s", "2 attempts @ 3 s"),
        (
            "GET /privacy/12-ab.c_d-e/ /feeds/ab_c/feed.xml",
            "GET /privacy/[token]/ /feeds/[token]/feed.xml",
        ),
        ("ada@example.org-%40bob@example.org", "[address][address]"),
    ],
)
def test_tokens_and_addresses_are_taken_out_and_the_rest_stays(line: str, kept: str) -> None:
    assert scrubbed(line) == kept


@pytest.mark.parametrize(
    "unit",
    ["a", "a%40", "%40", "/confirm/", "/confirm/a", "/", "a@", "a@b-", "a@a.", "a@b.c ", "a.", "."],
)
def test_a_megabyte_of_hostile_text_costs_less_than_two_seconds(unit: str) -> None:
    text = unit * (2**20 // len(unit))
    begun = time.process_time()
    scrubbed(text)
    assert time.process_time() - begun < 2


@pytest.mark.django_db
def test_django_complains_about_a_token_page_without_its_token(
    client: Client, written: io.StringIO
) -> None:
    token = tokens.preferences_token(a_subscriber())
    client.put(f"/preferences/{token}/")
    client.get(f"/preferences/{token}/more/")
    assert "/preferences/[token]/" in written.getvalue()
    assert token not in written.getvalue()


def test_a_traceback_is_scrubbed_too(written: io.StringIO, settings: Settings) -> None:
    settings.ANYMAIL = {"RESEND_API_KEY": "re_123456789"}
    try:
        raise ValueError("Authorization: re_123456789 for ada@example.org")
    except ValueError:
        logging.getLogger("newsletter").exception("Sending to %s failed", "ada@example.org")
    assert "ValueError: Authorization: [secret] for [address]" in written.getvalue()
    assert "ada@" not in written.getvalue()


def test_every_logger_writes_through_the_one_handler() -> None:
    assert list(project.LOGGING["handlers"]) == ["console"]
    for name in ("django", "django.server", "django.request", "waitress", "celery"):
        logger = logging.getLogger(name)
        assert not logger.handlers
        assert logger.propagate


def test_a_line_that_does_not_format_stops_nothing(written: io.StringIO) -> None:
    logging.getLogger("newsletter").warning("%s and %s", "ada@example.org")  # noqa: PLE1206
    assert "does not format" in written.getvalue()
