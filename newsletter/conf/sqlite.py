"""The SQLite file of this machine: who may work on it, and whether its disk is full.

A lock is an advisory one on a file beside the database. The operating system frees it when its
holder ends, however it ends, so that no stale lock is ever left behind.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final, TextIO

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


class HeldError(Exception):
    """Somebody else holds the lock; ``owner`` is what they wrote about themselves."""

    def __init__(self, owner: str) -> None:
        super().__init__(owner)
        self.owner = owner


def database_lock(role: str) -> Path | None:
    """The lock file for one role on this database; None where many may share the database."""
    database = settings.DATABASES["default"]
    if database["ENGINE"] != "django.db.backends.sqlite3" or "memory" in str(database["NAME"]):
        return None
    path = Path(database["NAME"])
    return path.with_name(f"{path.name}.{role}.lock")


def hold(path: Path, owner: str) -> TextIO:
    """Take the lock and write who we are into it; it is ours for as long as the file is open.

    Raises HeldError at once when somebody else has it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        owner = file.read().strip()
        file.close()
        raise HeldError(owner) from None
    with suppress(OSError):  # On a full disk the lock is held without a name.
        os.ftruncate(file.fileno(), 0)
        os.write(file.fileno(), owner.encode())
    return file
