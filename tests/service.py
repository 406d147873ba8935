"""The real service, started as an operator starts it, for tests that look at it from outside."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.conftest import ROOT
from tests.sink import free_port

START_SECONDS = 60
STOP_SECONDS = 30


def environment(var: Path, **extra: str) -> dict[str, str]:
    """Nothing of the tester's own environment but the way to programs, and no way out."""
    return {"PATH": os.environ["PATH"], "VAR_DIR": str(var), "OFFLINE": "true"} | extra


def manage(*arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


class Service:
    """``manage.py run`` in a session of its own, with its own folder and port.

    Usable as ``with Service(tmp_path) as service``; ``output`` is what the operator sees.
    """

    def __init__(self, var: Path, **extra: str) -> None:
        self.var = var
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = environment(var, PORT=str(self.port), **extra)
        self.log = var.parent / f"{var.name}.log"

    @property
    def output(self) -> str:
        return self.log.read_text()

    def __enter__(self) -> Self:
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "run"],
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self.wait_for("/healthz")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()

    def wait_for(self, page: str) -> None:
        """Until the page answers 200."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"the service ended:\n{self.output}"
            try:
                with urllib.request.urlopen(f"{self.url}{page}", timeout=5):
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.1)
        raise AssertionError(f"{page} did not answer in {START_SECONDS} s:\n{self.output}")

    def stop(self, number: signal.Signals = signal.SIGTERM, *, group: bool = False) -> int:
        """Send a signal as ``kill`` does, or to the whole group as a terminal does; exit code."""
        if self.process.poll() is None:
            (os.killpg if group else os.kill)(self.process.pid, number)
        try:
            return self.process.wait(STOP_SECONDS)
        finally:
            if self.process.poll() is None:
                self.process.kill()

    def rows(self, query: str, *values: object) -> list[Any]:
        """What a query finds in the service's SQLite database."""
        with closing(sqlite3.connect(self.var / "paperboy.sqlite3", timeout=30)) as database:
            return database.execute(query, values).fetchall()

    def left_behind(self) -> list[str]:
        """Command lines of processes that still run with this service's folder."""
        return list(running_with(self.var).values())


def running_with(var: Path) -> dict[int, str]:
    """Processes that were started with this folder: their ids and command lines."""
    marker = f"VAR_DIR={var}".encode()
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if marker in (process / "environ").read_bytes().split(b"\0"):
                found[int(process.name)] = (process / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
    return found
