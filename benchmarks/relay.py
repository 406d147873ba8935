"""A mail relay that answers late and notes when it took each message, for other benchmarks.

``python -m benchmarks.relay MILLISECONDS FILE`` prints its port and appends the time of each
message to FILE.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from benchmarks.readers import ROOT
from tests.smtpd import Server


class Relay(Server):
    """The server of the tests, which forgets what it took."""

    def __init__(self, milliseconds: float, file: TextIO) -> None:
        super().__init__()
        self.delay = milliseconds / 1000
        self.file = file

    def note(self, recipient: str, content: bytes) -> None:  # noqa: ARG002 - the tests keep both
        """Note the time alone."""
        self.file.write(f"{time.time()}\n")


@contextmanager
def running(milliseconds: float, file: Path) -> Iterator[int]:
    """Run the relay in a process of its own; yields its port."""
    command = [sys.executable, "-m", "benchmarks.relay", str(milliseconds), str(file)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def moments(file: Path) -> list[float]:
    """Return when each message was taken, in order."""
    return [float(line) for line in file.read_text().splitlines()]


def serve(milliseconds: str, path: str) -> None:
    """Serve until killed."""
    with Path(path).open("a", buffering=1) as file:
        server = Relay(float(milliseconds), file)
        server.loop.run_until_complete(server.listen())
        print(server.port, flush=True)
        server.loop.run_forever()


if __name__ == "__main__":
    serve(*sys.argv[1:])
