"""Anymail's Resend backend with an idempotency key, so that a repeated request sends one mail.

Resend reads the key from an HTTP header and keeps it for 24 hours; ours is the Message-ID, which
is the same for every attempt. See https://resend.com/docs/dashboard/emails/idempotency-keys.
"""

from __future__ import annotations

from typing import Any

from anymail.backends import resend
from anymail.message import AnymailMessage


class EmailBackend(resend.EmailBackend):  # type: ignore[misc]  # Anymail is untyped.
    """Used for EMAIL_BACKEND=anymail.backends.resend.EmailBackend."""

    def build_message_payload(self, message: AnymailMessage, defaults: dict[str, Any]) -> Any:
        """Return the request for one message."""
        payload = super().build_message_payload(message, defaults)
        key = message.extra_headers.get("Message-ID")
        if key:
            payload.headers["Idempotency-Key"] = key
        return payload
