"""Two workers behind PgBouncer in transaction mode, which is killed and started again."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.faults.postgres import Cluster
from tests.faults.world import a_world, kill
from tests.pooler import PROGRAM, running_pooler

DIGESTS: Final = 300
KILLS: Final = 3
SECONDS: Final = 60

pytestmark = pytest.mark.skipif(not PROGRAM, reason="needs pgbouncer: install Debian's pgbouncer")


def test_two_workers_outlive_kills_of_their_pooler(
    tmp_path: Path, cluster: Cluster, postgres_url: str, figures: Callable[..., None]
) -> None:
    name = postgres_url.rpartition("/")[2]
    with (
        running_pooler(name, "127.0.0.1", cluster.port, "postgres", "") as pooler,
        a_world(tmp_path / "var", postgres_url, DIGESTS) as world,
    ):
        world.server.delay = 0.1
        url = f"postgres://postgres@127.0.0.1:{pooler.port}/{name}"
        pooled = {"DATABASE_URL": url, "DATABASE_POOLED": "true"}
        world.extra |= pooled
        workers = [world.worker(), world.worker()]
        try:
            world.extra.clear()
            world.wait_until_at_work()
            world.make_due()
            for number in range(KILLS):
                assert world.server.wait_for(DIGESTS * (number + 1) // 6, SECONDS), world.log
                pooler.stop()
                time.sleep(0.5)
                pooler.start()
            took = world.wait_until_settled(DIGESTS, SECONDS, killed=False)
            assert [worker.poll() for worker in workers] == [None, None], world.log
        finally:
            for worker in workers:
                kill(worker)
        measured = world.assert_nobody_was_wronged(DIGESTS)
        figures(pooler_kills=KILLS, settled_s=round(took, 1), **measured)
