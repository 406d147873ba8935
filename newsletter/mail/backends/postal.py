"""Anymail's Postal backend without metadata (https://anymail.dev/en/stable/esps/postal/)."""

from __future__ import annotations

from typing import Any

from anymail.backends import postal
from anymail.message import AnymailMessage

from newsletter.mail.backends.without_metadata import PayloadWithoutMetadata


class Payload(PayloadWithoutMetadata, postal.PostalPayload):  # type: ignore[misc]  # Anymail is untyped.
    """A message as Postal's API takes it."""


class EmailBackend(postal.EmailBackend):  # type: ignore[misc]  # Anymail is untyped.
    """Used for EMAIL_BACKEND=anymail.backends.postal.EmailBackend."""

    def build_message_payload(self, message: AnymailMessage, defaults: dict[str, Any]) -> Any:
        """Return the request for one message."""
        return Payload(message, defaults, self)
