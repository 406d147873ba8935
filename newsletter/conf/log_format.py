"""Log lines as JSON objects, and the id of the request that they belong to."""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from django.db.models import Model

request_id: Final[ContextVar[str]] = ContextVar("request_id", default="")
# What a call may pass as ``extra`` to name what a line is about.
SUBJECTS: Final = ("digest", "notice", "source")


def about(row: Model) -> dict[str, object]:
    """Return the ``extra`` of a log call that names the digest or notice it is about."""
    return {str(row._meta.model_name): row.pk}


class RequestId(logging.Filter):
    """Logging filter that adds the id of the present request to each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add ``request`` to the record and let it pass."""
        record.request_id = request_id.get()
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object a line, with the time in UTC."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        moment = datetime.fromtimestamp(record.created, UTC)
        line = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request": getattr(record, "request_id", ""),
        }
        line |= {name: str(getattr(record, name)) for name in SUBJECTS if hasattr(record, name)}
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            line["traceback"] = record.exc_text
        return json.dumps({name: value for name, value in line.items() if value})
