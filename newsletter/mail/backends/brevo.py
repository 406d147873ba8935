"""Anymail's Brevo backend with an idempotency key, so that a repeated request sends one mail.

Brevo reads the key, a UUID, from the headers of the message and keeps it for 15 to 30 minutes;
a second request is answered with 400 and ``duplicate_parameter``, which ``newsletter.mail.errors``
reads. See https://developers.brevo.com/docs/heterogenous-versions-batch-emails.
"""

from __future__ import annotations

from typing import Any

from anymail.backends import brevo
from anymail.message import AnymailMessage


class EmailBackend(brevo.EmailBackend):  # type: ignore[misc]  # Anymail is untyped.
    """Used for EMAIL_BACKEND=anymail.backends.brevo.EmailBackend."""

    def build_message_payload(self, message: AnymailMessage, defaults: dict[str, Any]) -> Any:
        """Return the request for one message."""
        payload = super().build_message_payload(message, defaults)
        # The public id of the row, which is the same for every attempt.
        for key in list((message.metadata or {}).values())[:1]:
            payload.data["headers"]["idempotencyKey"] = key
        return payload
