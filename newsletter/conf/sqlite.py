"""The disk under a SQLite database: SQLite says of a full one now this, now that."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from django.conf import settings

LITTLE: Final = 1 << 20  # bytes


def complaint() -> str:
    """What an operator should do about a full disk, in one sentence; empty when it is not full."""
    database = settings.DATABASES["default"]
    folder = Path(str(database["NAME"])).parent
    if database["ENGINE"] != "django.db.backends.sqlite3" or not folder.is_dir():
        return ""
    if shutil.disk_usage(folder).free >= LITTLE:
        return ""
    return f"The disk is full: make room in {folder}."
