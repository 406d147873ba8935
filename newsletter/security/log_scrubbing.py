"""Keeps links that act for a person, addresses and keys out of the logs (RULES C28)."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Final

from django.conf import settings

TOKEN_PATH: Final = re.compile(
    r"/(confirm|preferences|unsubscribe|feedback|digest)/[^/\s\"'<>?#]+", re.IGNORECASE
)
ADDRESS: Final = re.compile(r"[\w.+'%-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+", re.IGNORECASE)
SECRET_NAMES: Final = ("KEY", "SECRET", "TOKEN", "PASSWORD")
SHORTEST_SECRET: Final = 8


class Scrub(logging.Filter):
    """Rewrites every record that passes: its message, and the traceback that comes with it."""

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            record.msg, record.args = scrubbed(record.getMessage()), None
        except (TypeError, ValueError):
            record.msg, record.args = f"A log line of {record.name} that does not format.", None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = scrubbed(record.exc_text)
        return True


def scrubbed(text: str) -> str:
    """The text with a mark in the place of whatever must not be kept."""
    for secret in _secrets():
        text = text.replace(secret, "[secret]")
    text = TOKEN_PATH.sub(r"/\1/[token]", text)
    return ADDRESS.sub("[address]", text)


def _secrets() -> Iterator[str]:
    """The passwords and keys of this service: some libraries put them into their errors."""
    named = {"SECRET_KEY": settings.SECRET_KEY, "PASSWORD": settings.EMAIL_HOST_PASSWORD}
    for name, value in (*settings.ANYMAIL.items(), *named.items()):
        if name.endswith(SECRET_NAMES) and len(str(value)) >= SHORTEST_SECRET:
            yield str(value)
