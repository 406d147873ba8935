"""Anymail's Mailjet backend without the headers for which Mailjet refuses a message.

It writes a Message-ID and a Date of its own; List-Id is lost. See "List of forbidden headers" in
https://dev.mailjet.com/email/guides/send-api-v31/.
"""

from __future__ import annotations

from typing import Any, Final

from anymail.backends import mailjet
from anymail.message import AnymailMessage

REFUSED: Final = frozenset({"date", "list-id", "message-id"})


class Payload(mailjet.MailjetPayload):  # type: ignore[misc]  # Anymail is untyped.
    def set_extra_headers(self, headers: dict[str, str]) -> None:
        """Ours, but those that Mailjet answers with 400."""
        allowed = {name: text for name, text in headers.items() if name.lower() not in REFUSED}
        super().set_extra_headers(allowed)


class EmailBackend(mailjet.EmailBackend):  # type: ignore[misc]  # Anymail is untyped.
    """What EMAIL_BACKEND=anymail.backends.mailjet.EmailBackend means here."""

    def build_message_payload(self, message: AnymailMessage, defaults: dict[str, Any]) -> Any:
        return Payload(message, defaults, self)
