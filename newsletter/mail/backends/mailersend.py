"""Anymail's MailerSend backend without metadata (https://anymail.dev/en/stable/esps/mailersend/)."""

from __future__ import annotations

from typing import Any

from anymail.backends import mailersend
from anymail.message import AnymailMessage

from newsletter.mail.backends.without_metadata import PayloadWithoutMetadata


class Payload(PayloadWithoutMetadata, mailersend.MailerSendPayload):  # type: ignore[misc]  # Anymail is untyped.
    """A message as MailerSend's API takes it."""


class EmailBackend(mailersend.EmailBackend):  # type: ignore[misc]  # Anymail is untyped.
    """Used for EMAIL_BACKEND=anymail.backends.mailersend.EmailBackend."""

    def build_message_payload(self, message: AnymailMessage, defaults: dict[str, Any]) -> Any:
        """Return the request for one message."""
        return Payload(message, defaults, self)
