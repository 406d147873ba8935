"""The port of the service that runs on this machine, for commands in another terminal.

Without it the links that commands print or mail would carry the default port.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

FILE: Final = "port"


def note_port(folder: Path, port: str) -> None:
    """Write the port of this process; on a full disk commands use the default one."""
    with suppress(OSError):
        (folder / FILE).write_text(f"{port} {os.getpid()}", encoding="utf-8")


def noted_port(folder: Path) -> str:
    """Return the port of a process that still runs; empty where there is none."""
    try:
        port, process = (folder / FILE).read_text(encoding="utf-8").split()
        os.kill(int(process), 0)
    except (OSError, ValueError, OverflowError):
        return ""
    return port if port.isdecimal() else ""
