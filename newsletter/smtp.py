"""Django's SMTP backend, with deadlines per phase and a memory of how far a message got."""

from __future__ import annotations

import smtplib
from typing import Any, Final

from django.core.mail.backends import smtp

CONNECT_TIMEOUT: Final = 10.0
AFTER_DOT_TIMEOUT: Final = 600.0
END_OF_DATA: Final = b"\r\n.\r\n"


class _Tracked:
    """Mixed into an smtplib client: knows whether a message was handed over in full.

    While ``handed_over`` is true the final dot has been written and its answer has not been read:
    the server may or may not have taken the message (RFC 5321 section 4.5.3.2.6 gives that
    answer ten minutes).
    """

    handed_over = False
    command_timeout: float | None = None

    def send(self, s: Any) -> None:
        super().send(s)  # type: ignore[misc]
        if isinstance(s, bytes) and s.endswith(END_OF_DATA):
            self.handed_over = True
            self._patience(AFTER_DOT_TIMEOUT)

    def getreply(self) -> tuple[int, bytes]:
        reply: tuple[int, bytes] = super().getreply()  # type: ignore[misc]
        if self.handed_over:
            self.handed_over = False
            self._patience(self.command_timeout)
        return reply

    def _patience(self, seconds: float | None) -> None:
        sock = getattr(self, "sock", None)
        if sock is not None:
            sock.settimeout(seconds)


class SMTP(_Tracked, smtplib.SMTP):
    """smtplib's client with tracking."""


class SMTP_SSL(_Tracked, smtplib.SMTP_SSL):  # noqa: N801 - named after its base class
    """smtplib's TLS client with tracking."""


class EmailBackend(smtp.EmailBackend):
    """Sends through one kept connection; ``handed_over`` tells how far the last message got."""

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return SMTP_SSL if self.use_ssl else SMTP

    @property
    def handed_over(self) -> bool:
        return bool(getattr(self.connection, "handed_over", False))

    def open(self) -> bool | None:
        """Connect within CONNECT_TIMEOUT; later commands get EMAIL_TIMEOUT each."""
        patience, self.timeout = self.timeout, min(self.timeout or 60, CONNECT_TIMEOUT)
        try:
            opened = super().open()
        finally:
            self.timeout = patience
        client = self.connection
        if opened and isinstance(client, _Tracked):
            client.command_timeout = patience
            client._patience(patience)
        return opened
