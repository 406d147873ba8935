"""Run a program of ours on a wall clock that jumps when it is told.

``python -m tests.faults.clock FILE -m celery ...`` runs the program as it is; the file holds how
many days its clock is away from the real one. The monotonic clock stays real, as it does when an
operator sets a machine's clock.
"""

from __future__ import annotations

import runpy
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import time_machine

LOOK_SECONDS: Final = 0.05


def follow(file: Path, traveller: time_machine.Traveller) -> None:
    """Set the clock whenever the file says something new."""
    away = ""
    while True:
        said = file.read_text()
        if said != away:
            away = said
            real = datetime.fromtimestamp(time_machine.escape_hatch.time.time(), UTC)
            traveller.move_to(real + timedelta(days=int(said)))
        time.sleep(LOOK_SECONDS)


def main() -> None:
    file, program, *arguments = sys.argv[1:]
    traveller = time_machine.travel(datetime.now(UTC), tick=True).start()
    threading.Thread(target=follow, args=(Path(file), traveller), daemon=True).start()
    if program == "-m":
        sys.argv = arguments
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = [program, *arguments]
        runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    main()
