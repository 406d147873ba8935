"""A log filter that removes tokens, addresses and keys."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Final

from django.conf import settings

TOKEN_PATH: Final = re.compile(
    r"/(confirm|preferences|privacy|unsubscribe/undo|unsubscribe|feedback/digest|feedback|digest|feeds)/[^/\s\"'<>?#]+",
    re.IGNORECASE,
)
# The look-behind lets a match begin only where a local part does: without it a long word without
# an @ would be tried from each of its letters, which takes the square of its length.
ADDRESS: Final = re.compile(r"(?<![\w.+'%-])[\w.+'%-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+", re.IGNORECASE)
SECRET_NAMES: Final = ("KEY", "SECRET", "TOKEN", "PASSWORD")
SHORTEST_SECRET: Final = 8


class Scrub(logging.Filter):
    """A filter that rewrites the message and the traceback of every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Scrub the record and let it pass."""
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
    """Return the text with a placeholder for each token, address and key."""
    for secret in _secrets():
        text = text.replace(secret, "[secret]")
    text = TOKEN_PATH.sub(r"/\1/[token]", text)
    # Twice: where one address directly follows another, the first pass lets the second stand.
    return ADDRESS.sub("[address]", ADDRESS.sub("[address]", text))


def _secrets() -> Iterator[str]:
    """Yield the passwords and keys of this service; some libraries put them into errors."""
    named = {"SECRET_KEY": settings.SECRET_KEY, "PASSWORD": settings.EMAIL_HOST_PASSWORD}
    for name, value in (*settings.ANYMAIL.items(), *named.items()):
        if name.endswith(SECRET_NAMES) and len(str(value)) >= SHORTEST_SECRET:
            yield str(value)
