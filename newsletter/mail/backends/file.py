"""Write every message as one ``.eml`` file to a folder, and read the files back.

For a laptop without a mail server. The files hold what an SMTP server would get (RFC 5322, CRLF
line ends) and open in any mail program. A name begins with the time of writing, so that the order
of names is the order of mails.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.errors import MessageError
from email.message import EmailMessage as ParsedMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Final, cast

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.message import MIMEMixin
from django.utils.timezone import now

NAME: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,200}\.eml", re.ASCII)

# What the standard library raises for malformed headers, charsets and encodings.
PARSE_ERRORS: Final = (ValueError, LookupError, TypeError, AttributeError, MessageError)


class MailFolderError(OSError):
    """The folder cannot be written; the text says which one and what to do."""

    def __init__(self, message: str, number: int | None) -> None:
        super().__init__(message)
        self.errno = number


class EmailBackend(BaseEmailBackend):
    """Write messages to ``settings.MAIL_DIR`` instead of sending them."""

    # A message that could not be written was not sent.
    handed_over = False

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Write each message and return how many were written.

        Raises:
            MailFolderError: The folder cannot be written; not with ``fail_silently``.
        """
        written = 0
        for message in email_messages:
            if not message.recipients():
                continue
            try:
                write(cast(MIMEMixin, message.message()).as_bytes(linesep="\r\n"))
            except MailFolderError:
                if not self.fail_silently:
                    raise
            else:
                written += 1
        return written


@dataclass(frozen=True)
class StoredMessage:
    """One file of the folder, as far as it could be parsed."""

    name: str
    written_at: datetime
    headers: dict[str, str]
    text: str
    html: str
    raw: bytes

    @property
    def subject(self) -> str:
        """The Subject header."""
        return self.headers.get("Subject", "")

    @property
    def to(self) -> str:
        """The To header."""
        return self.headers.get("To", "")


def write(message: bytes) -> Path:
    """Write one message into the folder, atomically, and return its path.

    Raises:
        MailFolderError: The folder cannot be written.
    """
    folder = Path(settings.MAIL_DIR)
    name = f"{now():%Y%m%dT%H%M%S.%f}Z-{secrets.token_hex(4)}.eml"
    draft = folder / f".{name}.part"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with draft.open("xb") as file:
                file.write(message)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(folder / name)
        except OSError:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise
        _sync(folder)
    except OSError as error:
        raise MailFolderError(
            f"Mail cannot be written to {folder} ({error.strerror or error}); "
            "make the folder writable, or name a mail server in EMAIL_URL.",
            error.errno,
        ) from error
    return folder / name


def names() -> list[str]:
    """Return the names of all messages, newest first; none where there is no folder yet."""
    try:
        found = [path.name for path in Path(settings.MAIL_DIR).iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(filter(NAME.fullmatch, found), reverse=True)


def read(name: str) -> StoredMessage:
    """Return one message, however malformed.

    Raises:
        FileNotFoundError: The name is not that of a stored message.
    """
    path = Path(settings.MAIL_DIR) / name
    if not NAME.fullmatch(name) or path.is_symlink():
        raise FileNotFoundError(name)
    raw = path.read_bytes()
    parsed = BytesParser(policy=policy.default).parsebytes(raw)
    return StoredMessage(
        name=name,
        written_at=datetime.fromtimestamp(path.stat().st_mtime, tz=now().tzinfo),
        headers=dict(_headers(parsed)),
        text=_body(parsed, "plain"),
        html=_body(parsed, "html"),
        raw=raw,
    )


def _headers(message: ParsedMessage) -> Iterator[tuple[str, str]]:
    for name in message:
        with suppress(*PARSE_ERRORS):
            yield name, str(message[name])


def _body(message: ParsedMessage, subtype: str) -> str:
    try:
        part = message.get_body((subtype,))
        return str(part.get_content()) if part else ""
    except PARSE_ERRORS:
        return ""


def _sync(folder: Path) -> None:
    """Flush the folder, so that the new name survives a power failure."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
