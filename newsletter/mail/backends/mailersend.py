"""Anymail's MailerSend backend without metadata, for which MailerSend has no place.

What it reports of a message is matched by its own id of it, so that a digest whose answer was lost
stays uncertain. See https://anymail.dev/en/stable/esps/mailersend/.
"""

from __future__ import annotations

from typing import Any

from anymail.backends import mailersend
from anymail.message import AnymailMessage


class Payload(mailersend.MailerSendPayload):  # type: ignore[misc]  # Anymail is untyped.
    def set_metadata(self, metadata: dict[str, Any]) -> None:
        """Leave it out: Anymail would refuse the message."""


class EmailBackend(mailersend.EmailBackend):  # type: ignore[misc]  # Anymail is untyped.
    """What EMAIL_BACKEND=anymail.backends.mailersend.EmailBackend means here."""

    def build_message_payload(self, message: AnymailMessage, defaults: dict[str, Any]) -> Any:
        return Payload(message, defaults, self)
