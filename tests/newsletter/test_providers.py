"""Every provider is asked once, has a deadline, and is not pressed harder than it likes."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.mail import get_connection
from pytest_django import Settings

from newsletter import providers

CREDENTIALS = {
    "anymail.backends.mailersend": {"MAILERSEND_API_TOKEN": "x"},
    "anymail.backends.mailgun": {"MAILGUN_API_KEY": "x"},
    "anymail.backends.mailjet": {"MAILJET_API_KEY": "x", "MAILJET_SECRET_KEY": "x"},
    "anymail.backends.mandrill": {"MANDRILL_API_KEY": "x"},
    "anymail.backends.postmark": {"POSTMARK_SERVER_TOKEN": "x"},
    "anymail.backends.sendgrid": {"SENDGRID_API_KEY": "x"},
    "anymail.backends.sparkpost": {"SPARKPOST_API_KEY": "x"},
    "newsletter.brevo": {"BREVO_API_KEY": "x"},
    "newsletter.resend": {"RESEND_API_KEY": "x"},
}


def test_every_provider_over_http_is_looked_at_here() -> None:
    others = {"newsletter.smtp", "newsletter.mailbox", "anymail.backends.amazon_ses"}
    assert providers.DEFAULTS.keys() - others == CREDENTIALS.keys()


@pytest.mark.parametrize("module", CREDENTIALS)
def test_nothing_is_tried_again_behind_our_back_and_nothing_waits_forever(
    settings: Settings, module: str
) -> None:
    settings.ANYMAIL = settings.ANYMAIL | CREDENTIALS[module]
    backend: Any = get_connection(f"{module}.EmailBackend")
    backend.open()
    try:
        adapters = backend.session.adapters.values()
        assert {adapter.max_retries.total for adapter in adapters} == {0}
        assert backend.timeout == (10, 60)
    finally:
        backend.close()


def test_amazon_s_library_tries_once_within_a_deadline(settings: Settings) -> None:
    config = settings.ANYMAIL["AMAZON_SES_CLIENT_PARAMS"]["config"]
    assert config["retries"]["total_max_attempts"] == 1
    assert (config["connect_timeout"], config["read_timeout"]) == (10, 60)


def test_the_operator_s_numbers_come_first(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "anymail.backends.amazon_ses.EmailBackend"
    assert providers.limits() == providers.Limits(connections=8, rate=14)
    settings.MAIL_CONNECTIONS, settings.MAIL_RATE = 3, 200
    assert providers.limits() == providers.Limits(connections=3, rate=200)


def test_a_backend_that_nobody_has_heard_of_gets_a_calm_guess(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "elsewhere.backends.EmailBackend"
    assert providers.limits() == providers.UNKNOWN
