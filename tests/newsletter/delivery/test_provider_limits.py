"""Every provider is asked once, has a deadline, and is not pressed harder than it likes."""

from __future__ import annotations

from typing import Any

import pytest
from anymail.message import AnymailMessage
from django.conf import settings as real_settings
from django.core.mail import get_connection
from pytest_django import Settings

from newsletter.delivery import provider_limits
from newsletter.mail import messages, snapshots
from newsletter.models import Notice
from newsletter.security import email_addresses
from newsletter.subscriptions import service as subscriptions
from newsletter.subscriptions.consent_log import ActionOrigin
from tests.factories import a_digest

CREDENTIALS = {
    "anymail.backends.mailgun": {"MAILGUN_API_KEY": "x"},
    "anymail.backends.mandrill": {"MANDRILL_API_KEY": "x"},
    "anymail.backends.postmark": {"POSTMARK_SERVER_TOKEN": "x"},
    "anymail.backends.sendgrid": {"SENDGRID_API_KEY": "x"},
    "anymail.backends.sparkpost": {"SPARKPOST_API_KEY": "x"},
    "newsletter.mail.backends.brevo": {"BREVO_API_KEY": "x"},
    "newsletter.mail.backends.mailersend": {"MAILERSEND_API_TOKEN": "x"},
    "newsletter.mail.backends.mailjet": {"MAILJET_API_KEY": "x", "MAILJET_SECRET_KEY": "x"},
    "newsletter.mail.backends.postal": {
        "POSTAL_API_KEY": "x",
        "POSTAL_API_URL": "https://postal.invalid",
    },
    "newsletter.mail.backends.resend": {"RESEND_API_KEY": "x"},
}


def test_every_provider_over_http_is_looked_at_here() -> None:
    others = {
        "newsletter.mail.backends.smtp",
        "django.core.mail.backends.smtp",
        "newsletter.mail.backends.file",
        "anymail.backends.amazon_ses",
    }
    assert provider_limits.DEFAULTS.keys() - others == CREDENTIALS.keys()


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


def both_kinds() -> list[AnymailMessage]:
    """A digest and a confirmation, as they would leave."""
    digest = a_digest()
    address = email_addresses.parse("new@example.org")
    subscriptions.sign_up(address, address.email, {}, ActionOrigin("test"))
    return [
        messages.digest_message(digest, snapshots.cards_of(digest)),
        messages.confirm_message(Notice.objects.get()),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("module", CREDENTIALS)
def test_every_provider_over_http_takes_both_kinds_of_mail(settings: Settings, module: str) -> None:
    settings.ANYMAIL = settings.ANYMAIL | CREDENTIALS[module]
    backend: Any = get_connection(f"{module}.EmailBackend")
    digest, notice = [
        str(
            backend.build_message_payload(message, backend.send_defaults).get_request_params(
                "https://provider.invalid/"
            )
        )
        for message in both_kinds()
    ]
    assert "List-Unsubscribe=One-Click" in digest
    assert "Auto-Submitted" in digest
    assert "Auto-Submitted" in notice
    assert "new@example.org" in notice


@pytest.mark.django_db
def test_amazon_takes_both_kinds_of_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    backend: Any = get_connection("anymail.backends.amazon_ses.EmailBackend")
    for message in both_kinds():
        payload = backend.build_message_payload(message, backend.send_defaults)
        payload.finalize_payload()
        assert b"Auto-Submitted" in payload.params["Content"]["Raw"]["Data"]


@pytest.mark.django_db
def test_a_test_mail_without_metadata_is_taken_too(settings: Settings) -> None:
    settings.ANYMAIL = settings.ANYMAIL | CREDENTIALS["newsletter.mail.backends.mailersend"]
    backend: Any = get_connection("newsletter.mail.backends.mailersend.EmailBackend")
    message = both_kinds()[0]
    message.metadata = {}
    backend.build_message_payload(message, backend.send_defaults)


@pytest.mark.django_db
def test_what_mailjet_refuses_is_left_to_mailjet(settings: Settings) -> None:
    settings.ANYMAIL = settings.ANYMAIL | CREDENTIALS["newsletter.mail.backends.mailjet"]
    backend: Any = get_connection("newsletter.mail.backends.mailjet.EmailBackend")
    for message in both_kinds():
        payload = backend.build_message_payload(message, backend.send_defaults)
        names = {name.lower() for name in payload.data["Globals"]["Headers"]}
        assert not names & {"message-id", "date", "list-id"}
        assert "feedback-id" in names


@pytest.mark.parametrize("name", ["brevo", "mailersend", "mailjet", "postal", "resend"])
def test_the_usual_name_of_a_backend_means_the_one_that_the_provider_takes(name: str) -> None:
    usual = f"anymail.backends.{name}.EmailBackend"
    assert real_settings.SAFE_BACKENDS[usual] == f"newsletter.mail.backends.{name}.EmailBackend"


def test_amazon_s_library_tries_once_within_a_deadline(settings: Settings) -> None:
    config = settings.ANYMAIL["AMAZON_SES_CLIENT_PARAMS"]["config"]
    assert config["retries"]["total_max_attempts"] == 1
    assert (config["connect_timeout"], config["read_timeout"]) == (10, 60)


def test_the_operator_s_numbers_come_first(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "anymail.backends.amazon_ses.EmailBackend"
    assert provider_limits.limits() == provider_limits.Limits(connections=8, rate=14)
    settings.MAIL_CONNECTIONS, settings.MAIL_RATE = 3, 200
    assert provider_limits.limits() == provider_limits.Limits(connections=3, rate=200)


def test_an_unknown_backend_gets_a_cautious_guess(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "elsewhere.backends.EmailBackend"
    assert provider_limits.limits() == provider_limits.UNKNOWN
