"""The processor time of the PostgreSQL server, read from /proc where it runs on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from django.db import connection

PROC: Final = Path("/proc")
# Places in /proc/PID/stat, after the name of the program (proc(5)).
PARENT: Final = 1
OWN_TIME: Final = slice(11, 13)
TIME_WITH_ENDED_CHILDREN: Final = slice(11, 15)


NANOSECONDS: Final = 1e-9


def backend_cpu() -> float | None:
    """Return the CPU seconds of the server's process that serves this connection.

    Finer than ``server_cpu``, and without what others ask of the server; parallel workers are not
    counted (``max_parallel_workers_per_gather`` forbids them).

    Returns:
        None for SQLite, and for a server whose processes cannot be seen from here.
    """
    if connection.vendor != "postgresql":
        return None
    backend = PROC / str(_backend())
    try:
        if not (backend / "comm").read_text().startswith("postgres"):
            return None
        return int((backend / "schedstat").read_text().split()[0]) * NANOSECONDS
    except OSError:
        return None


def server_cpu() -> float | None:
    """Return the CPU seconds that all processes of the database's server have used.

    Other databases of the same server are counted, too.

    Returns:
        None for SQLite, and for a server whose processes cannot be seen from here.
    """
    if connection.vendor != "postgresql":
        return None
    backend = _backend()
    try:
        program = (PROC / str(backend) / "comm").read_text().strip()
        server = _fields(PROC / str(backend))[PARENT]
        ticks = sum(map(int, _fields(PROC / server)[TIME_WITH_ENDED_CHILDREN]))
    except OSError:
        return None
    if not program.startswith("postgres"):
        return None
    for process in PROC.iterdir():
        if not process.name.isdigit():
            continue
        try:
            fields = _fields(process)
        except OSError:  # It has ended.
            continue
        if fields[PARENT] == server:
            ticks += sum(map(int, fields[OWN_TIME]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _backend() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def _fields(process: Path) -> list[str]:
    """Return the fields of a process's stat file after the name, which may hold spaces."""
    return (process / "stat").read_text().rpartition(")")[2].split()
