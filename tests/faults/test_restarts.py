"""PostgreSQL goes away and comes back while mail is leaving."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from tests.faults.conftest import FULL
from tests.faults.postgres import Cluster
from tests.faults.world import a_world, kill

DIGESTS = 2000 if FULL else 300
RESTARTS = 20 if FULL else 4
CONNECTIONS = 8


def test_a_worker_outlives_restarts_of_its_database(
    tmp_path: Path, cluster: Cluster, postgres_url: str, figures: Callable[..., None]
) -> None:
    with a_world(tmp_path / "var", postgres_url, DIGESTS) as world:
        world.server.delay = 0.1
        world.make_due()
        worker = world.worker()
        try:
            for restart in range(RESTARTS):
                world.server.wait_for(DIGESTS * (restart + 1) // (RESTARTS + 2), 30)
                cluster.stop("immediate" if restart % 2 else "fast")
                time.sleep(0.5)
                cluster.start()
            took = world.wait_until_settled(DIGESTS, 60)
            assert worker.poll() is None, world.log
        finally:
            kill(worker)
        measured = world.assert_nobody_was_wronged(DIGESTS)
        assert measured["uncertain"] <= RESTARTS * CONNECTIONS
        figures(restarts=RESTARTS, settled_s=round(took, 1), **measured)
