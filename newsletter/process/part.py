"""Run a Python module as a part of the service: ``python -m newsletter.process.part celery ..``.

The launcher passes the read end of a pipe whose write end it alone holds. Reading ends when the
launcher does, however it ends, and this process then stops as on SIGTERM.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time
from typing import Final

STOP_SECONDS: Final = 60.0


def stop_with_launcher(read_end: int) -> None:
    """Wait for the end of the launcher, then stop this process."""
    os.set_inheritable(read_end, False)
    os.read(read_end, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_SECONDS)
    os._exit(1)


def main() -> None:
    """Run the module named by the first argument, with the others as its own."""
    read_end = int(os.environ.pop("PAPERBOY_LAUNCHER"))
    threading.Thread(target=stop_with_launcher, args=(read_end,), daemon=True).start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
