"""Providers that know idempotency keys are asked to send a message once, however often."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from anymail.exceptions import AnymailRequestsAPIError
from django.core.mail import get_connection
from pytest_django import Settings

from newsletter.mail import errors, messages, snapshots
from newsletter.mail.backends import brevo, resend
from newsletter.mail.errors import SendStatus
from newsletter.models import Digest
from tests.factories import a_digest

pytestmark = pytest.mark.django_db


def request_for(digest: Digest, module: str) -> dict[str, Any]:
    """What would be posted to the provider for this digest."""
    backend = get_connection(f"{module}.EmailBackend")
    assert isinstance(backend, resend.EmailBackend | brevo.EmailBackend)
    message = messages.digest_message(digest, snapshots.cards_of(digest))
    request: dict[str, Any] = backend.build_message_payload(message, {}).get_request_params("")
    return request


@pytest.mark.parametrize(
    ("module", "key_of"),
    [
        ("newsletter.mail.backends.resend", lambda request: request["headers"]["Idempotency-Key"]),
        (
            "newsletter.mail.backends.brevo",
            lambda request: json.loads(request["data"])["headers"]["idempotencyKey"],
        ),
    ],
    ids=["Resend", "Brevo"],
)
def test_every_attempt_carries_the_same_key_and_every_digest_its_own(
    settings: Settings, module: str, key_of: Callable[[dict[str, Any]], str]
) -> None:
    settings.ANYMAIL = {"RESEND_API_KEY": "key", "BREVO_API_KEY": "key"}
    digest = a_digest()
    first, again = (request_for(digest, module) for _ in range(2))
    assert key_of(first) == key_of(again)
    assert key_of(first) != key_of(request_for(a_digest(), module))


@pytest.mark.parametrize(
    ("esp", "code", "status"),
    [
        ("Brevo", "duplicate_parameter", SendStatus.SENT),
        ("Brevo", "invalid_parameter", SendStatus.FINAL),
        ("Postmark", "duplicate_parameter", SendStatus.FINAL),
    ],
)
def test_a_key_that_brevo_knows_already_says_that_the_message_was_taken(
    esp: str, code: str, status: SendStatus
) -> None:
    response = requests.Response()
    response.status_code = 400
    response._content = json.dumps({"code": code, "message": "no"}).encode()
    error = AnymailRequestsAPIError("no", response=response, esp_name=esp)
    assert errors.classify_error(error, handed_over=False).status == status
