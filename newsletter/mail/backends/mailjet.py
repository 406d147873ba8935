"""Anymail's Mailjet backend without the headers for which Mailjet refuses a message.

It writes a Message-ID and a Date of its own; List-Id is lost. See "List of forbidden headers" in
https://dev.mailjet.com/email/guides/send-api-v31/.
"""

from __future__ import annotations

from typing import Any, Final

from anymail.backends import mailjet
from anymail.message import AnymailMessage

REFUSED_HEADERS: Final = frozenset({"date", "list-id", "message-id"})


class Payload(mailjet.MailjetPayload):  # type: ignore[misc]  # Anymail is untyped.
    """A message as Mailjet's API takes it."""

    def set_extra_headers(self, headers: dict[str, str]) -> None:
        """Add our headers but for those that Mailjet answers with 400."""
        allowed = {
            name: text for name, text in headers.items() if name.lower() not in REFUSED_HEADERS
        }
        super().set_extra_headers(allowed)


class EmailBackend(mailjet.EmailBackend):  # type: ignore[misc]  # Anymail is untyped.
    """Used for EMAIL_BACKEND=anymail.backends.mailjet.EmailBackend."""

    def build_message_payload(self, message: AnymailMessage, defaults: dict[str, Any]) -> Any:
        """Return the request for one message."""
        return Payload(message, defaults, self)
