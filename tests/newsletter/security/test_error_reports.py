"""What an error report holds, and what it never holds."""

from __future__ import annotations

import sys

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from newsletter.security import error_reports


def test_a_report_holds_no_person_no_form_and_no_token() -> None:
    event = {
        "user": {"ip_address": "198.51.100.7"},
        "request": {
            "url": "https://x.example/unsubscribe/abc-def/",
            "data": {"email": "ada@example.org"},
            "cookies": {"sessionid": "1"},
            "headers": {"Cookie": "sessionid=1"},
        },
        "exception": {"values": [{"value": "550 ada@example.org refused", "line": 3}]},
    }
    assert error_reports.before_send(event, {}) == {
        "request": {"url": "https://x.example/unsubscribe/[token]/"},
        "exception": {"values": [{"value": "550 [address] refused", "line": 3}]},
    }


def test_a_missing_package_is_one_clear_sentence(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SENTRY_DSN = "https://key@sentry.example/1"
    monkeypatch.setitem(sys.modules, "sentry_sdk", None)
    with pytest.raises(ImproperlyConfigured, match="pip install sentry-sdk"):
        error_reports.start()
