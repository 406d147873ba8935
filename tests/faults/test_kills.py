"""SIGKILL at random instants: nobody gets two copies, nothing is lost, the balance is true.

Each of two kinds of process is killed on each of two databases: with ``FAULTS=full`` 200 times
over 10,000 digests, otherwise 10 times over 500.
"""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import FULL
from tests.faults.world import SETTLED, World, a_world, kill
from tests.service import manage

KILLS, DIGESTS = (200, 10_000) if FULL else (10, 500)
CONNECTIONS = 8
SECONDS_TO_SETTLE = 30
# A server that takes its time over the answer, so that a kill often falls into it.
ANSWER_SECONDS = 0.02


def start(world: World, who: str) -> subprocess.Popen[bytes]:
    return world.sender() if who == "sender" else world.worker()


def kill_again_and_again(world: World, who: str, kills: int, chance: random.Random) -> int:
    """Start and kill; four times in five after some mails, else anywhere. How many were felt."""
    felt = 0
    for left in range(kills, 0, -1):
        process = start(world, who)
        if chance.random() < 0.8:
            share = (DIGESTS - len(world.server.taken)) / (left + 1)
            world.server.wait_for(len(world.server.taken) + round(share * chance.random() * 2), 15)
            time.sleep(chance.random() * 0.01)
        else:
            time.sleep(chance.uniform(0, 2))
        felt += kill(process)
    return felt


def assert_nobody_was_wronged(world: World, felt: int) -> dict[str, int]:
    states = world.states()
    doubtful = states["uncertain"] + states["sending"]
    assert world.server.duplicates == []
    assert world.sent_but_never_taken() == set()
    assert sum(states.values()) == DIGESTS
    assert doubtful <= felt * CONNECTIONS
    return {"duplicates": 0, "lost": 0, "uncertain": doubtful, "sent": states["sent"]}


@pytest.mark.parametrize("who", ["sender", "worker"])
def test_a_kill_at_any_instant_neither_doubles_nor_loses(
    tmp_path: Path, database_url: str, who: str, figures: Callable[..., None]
) -> None:
    seed = random.randrange(10**6)
    with a_world(tmp_path / "var", database_url, DIGESTS) as world:
        world.server.delay = ANSWER_SECONDS
        if who == "worker":
            world.make_due()
        felt = kill_again_and_again(world, who, KILLS, random.Random(seed))
        began = time.monotonic()
        process = start(world, who)
        try:
            world.wait_until_settled(DIGESTS, SECONDS_TO_SETTLE)
        finally:
            took = time.monotonic() - began
            kill(process)
        measured: dict[str, Any] = assert_nobody_was_wronged(world, felt + 1)
        settle_what_was_leaving(world)
        figures(kills=felt, digests=DIGESTS, seed=seed, settled_s=round(took, 1), **measured)


def settle_what_was_leaving(world: World) -> None:
    """Once their lease is over the open ones are uncertain, and they are never sent again."""
    before = len(world.server.taken)
    world.expire_leases()
    manage("send_digests", env=world.env)
    assert world.states().keys() <= SETTLED
    assert len(world.server.taken) == before
