"""Resend is asked to send a message once, however often it is asked."""

from __future__ import annotations

import pytest
from django.core.mail import get_connection
from pytest_django import Settings

from newsletter import digests, emails
from newsletter.resend import EmailBackend
from tests.factories import a_digest

pytestmark = pytest.mark.django_db


def test_every_attempt_carries_the_message_id_as_the_key(settings: Settings) -> None:
    settings.ANYMAIL = {"RESEND_API_KEY": "key"}
    backend = get_connection("newsletter.resend.EmailBackend")
    assert isinstance(backend, EmailBackend)
    digest = a_digest()
    keys = set()
    for _ in range(2):
        message = emails.digest_message(digest, digests.cards_of([digest]))
        request = backend.build_message_payload(message, {}).get_request_params("https://x/")
        keys.add(request["headers"]["Idempotency-Key"])
    assert keys == {message.extra_headers["Message-ID"]}
