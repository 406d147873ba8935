"""The broker absent, emptied, restarted or frozen delays nobody for long."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.faults.broker import needs_redis, running_broker
from tests.faults.world import a_world, kill

pytestmark = needs_redis
PEOPLE: Final = 60
# Several rounds of the polling loop, and what a frozen broker may cost it at its start.
SECONDS: Final = 2 * 15 + 15


@pytest.mark.parametrize("accident", ["flush", "restart", "thaw", "freeze", "stop"])
def test_everything_due_is_sent_whatever_happens_to_the_broker(
    tmp_path: Path, sqlite_url: str, accident: str, figures: Callable[..., None]
) -> None:
    with (
        running_broker(tmp_path) as broker,
        a_world(tmp_path / "var", sqlite_url, PEOPLE, REDIS_URL=broker.url) as world,
    ):
        world.server.delay = 0.5  # So that mail is leaving when it happens.
        world.make_due("id % 2 = 0")
        worker = world.worker()
        try:
            assert world.server.wait_for(5, 60), world.log
            getattr(broker, accident)()
            world.make_due("id % 2 = 1")
            took = world.wait_until_settled(PEOPLE, SECONDS, killed=False)
            assert worker.poll() is None, world.log
        finally:
            kill(worker)
        measured = world.assert_nobody_was_wronged(PEOPLE)
        assert measured["sent"] == PEOPLE
        figures(settled_s=round(took, 1), **measured)
