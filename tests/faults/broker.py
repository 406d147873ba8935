"""A Redis of the test's own, which it may empty, freeze, restart and kill."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
import redis

from tests.faults.world import kill
from tests.sink import free_port

AVAILABLE: Final = shutil.which("redis-server") is not None
needs_redis = pytest.mark.skipif(
    not AVAILABLE, reason="needs redis-server: install Debian's redis-server"
)
FROZEN_SECONDS: Final = 5.0


class Broker:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        options = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "")
        self.process = subprocess.Popen(
            ["redis-server", *options, "--dir", str(self.folder)], stdout=subprocess.DEVNULL
        )
        client = redis.Redis(port=self.port)
        for _ in range(100):
            try:
                client.ping()
            except redis.ConnectionError:
                time.sleep(0.05)
            else:
                return

    def flush(self) -> None:
        redis.Redis(port=self.port).flushall()

    def restart(self) -> None:
        """Killed and started again, empty."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Frozen for a while."""
        self.freeze()
        time.sleep(FROZEN_SECONDS)
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        kill(self.process)


@contextmanager
def running_broker(folder: Path) -> Iterator[Broker]:
    broker = Broker(folder)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
