"""The broker is a doorbell: absent, emptied or frozen, it delays nobody for long."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from tests.faults.world import World, a_world, kill
from tests.sink import free_port

pytestmark = pytest.mark.skipif(
    shutil.which("redis-server") is None, reason="needs redis-server: install Debian's redis-server"
)
PEOPLE = 50
# Two sweeps of the worker, and the start of its process.
SECONDS = 2 * 15 + 15


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

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

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


def wait_until_at_work(world: World) -> None:
    """The worker has shown its heartbeat."""
    for _ in range(300):
        if world.sql("SELECT 1 FROM newsletter_heartbeat WHERE name = 'worker'"):
            return
        time.sleep(0.1)
    raise AssertionError(world.log)


@pytest.mark.parametrize("accident", ["flush", "freeze", "stop"])
def test_everything_due_is_sent_without_the_broker(
    tmp_path: Path, sqlite_url: str, accident: str, figures: Callable[..., None]
) -> None:
    with (
        running_broker(tmp_path) as broker,
        a_world(tmp_path / "var", sqlite_url, PEOPLE, REDIS_URL=broker.url) as world,
    ):
        worker = world.worker()
        try:
            wait_until_at_work(world)
            getattr(broker, accident)()
            world.make_due()
            took = world.wait_until_settled(PEOPLE, SECONDS, killed=False)
        finally:
            kill(worker)
        assert world.states() == {"sent": PEOPLE}
        assert world.server.duplicates == []
        figures(digests=PEOPLE, settled_s=round(took, 1))
