"""The SQLite file of this machine: the lock on it, and whether its disk is full.

The lock is an advisory one on a file beside the database. The operating system releases it when
the process ends, however it ends, so that no stale lock remains.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

from django.conf import settings
from filelock import FileLock, Timeout

FULL_DISK: Final = 1 << 20  # bytes left


class DatabaseHeldError(Exception):
    """Another process holds the lock; ``owner`` is how it described itself."""

    def __init__(self, owner: str) -> None:
        super().__init__(owner)
        self.owner = owner


def complaint() -> str:
    """Return what to do about a full disk, in one sentence; empty when there is room."""
    database = settings.DATABASES["default"]
    folder = Path(str(database["NAME"])).parent
    if database["ENGINE"] != "django.db.backends.sqlite3" or not folder.is_dir():
        return ""
    if shutil.disk_usage(folder).free >= FULL_DISK:
        return ""
    return f"The disk is full: make room in {folder}."


def database_lock(role: str) -> Path | None:
    """Return the lock file for one role on this database; None where many may share it."""
    database = settings.DATABASES["default"]
    if database["ENGINE"] != "django.db.backends.sqlite3" or "memory" in str(database["NAME"]):
        return None
    path = Path(database["NAME"])
    return path.with_name(f"{path.name}.{role}.lock")


def hold(path: Path, owner: str) -> FileLock:
    """Take the lock and write ``owner`` into its file.

    The lock lasts until it is released or this process ends.

    Raises:
        DatabaseHeldError: At once, when another process has it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise DatabaseHeldError(path.read_text(encoding="utf-8").strip()) from None
    with suppress(OSError):  # On a full disk the lock is held without a name.
        path.write_text(owner, encoding="utf-8")
    return lock
