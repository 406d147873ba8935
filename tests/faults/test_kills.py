"""SIGKILL at random instants: nobody gets two copies, nothing is lost, the balance is true.

The command, the worker, one of two that work together and the whole service (``manage.py run``)
are killed on each of two databases: with ``FAULTS=full`` 200 times over 10,000 digests, otherwise
10 times over 500.
"""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.faults.broker import AVAILABLE, running_broker
from tests.faults.conftest import FULL
from tests.faults.watch import Watch
from tests.faults.world import SETTLED, World, a_world, kill, kill_all
from tests.service import manage

KILLS, DIGESTS = (200, 10_000) if FULL else (10, 500)
TREE_KILLS = 100 if FULL else 4
SECONDS_TO_SETTLE = 60
# How long the parts of a service may take to notice that one of them is gone.
SECONDS_TO_END = 30
# A server that takes its time over the answer, so that a kill often falls into it.
ANSWER_SECONDS = 0.02


def start(
    world: World, who: str, alive: Sequence[subprocess.Popen[bytes]] = ()
) -> subprocess.Popen[bytes]:
    """Start one more; of two on SQLite the second is the command, as that has one worker."""
    if who == "two":
        works = any("worker" in process.args for process in alive)  # type: ignore[operator]
        who = "sender" if works and world.database_url.startswith("sqlite") else "worker"
    return {"sender": world.sender, "worker": world.worker, "tree": world.tree}[who]()


def wait_for_an_instant(world: World, kills_left: int, chance: random.Random) -> None:
    """Four times in five after some mails, else anywhere in the life of a process."""
    if chance.random() < 0.8:
        share = (DIGESTS - len(world.server.taken)) / (kills_left + 1)
        world.server.wait_for(len(world.server.taken) + round(share * chance.random() * 2), 30)
        time.sleep(chance.random() * 0.01)
    else:
        time.sleep(chance.uniform(0, 2))


def fell(world: World, process: subprocess.Popen[bytes], who: str, chance: random.Random) -> bool:
    """Kill the process, or of a tree everything or a single one, of which the others must die."""
    if who != "tree":
        return kill(process)
    alive = process.poll() is None
    victim = chance.choice(["everything", "the manager", "the worker"])
    if victim == "the manager":
        kill(process)
    elif victim == "everything" or not kill_all(world, " worker "):
        kill_all(world)
    deadline = time.monotonic() + SECONDS_TO_END
    while world.processes():
        assert time.monotonic() < deadline, f"{victim} was killed: {world.processes()}"
        time.sleep(0.05)
    process.wait()
    return alive


def kill_again_and_again(
    world: World, who: str, kills: int, chance: random.Random
) -> tuple[int, int, list[subprocess.Popen[bytes]]]:
    """Start and kill; how many kills were felt, the most connections they can have cut, and who
    is left: of two that work together one outlives each kill.
    """
    felt = cut = 0
    alive: list[subprocess.Popen[bytes]] = []
    for left in range(kills, 0, -1):
        world.server.most_open = 0
        while len(alive) < (2 if who == "two" else 1):
            alive.append(start(world, who, alive))
        wait_for_an_instant(world, left, chance)
        if fell(world, alive.pop(chance.randrange(len(alive))), who, chance):
            felt += 1
            cut += world.server.most_open
    return felt, cut, alive


@contextmanager
def service_of(folder: Path, database_url: str, who: str) -> Iterator[World]:
    """On a laptop a tree has no broker; beside PostgreSQL it has Redis, and a beat of its own."""
    with ExitStack() as stack:
        extra = {}
        if who == "tree" and database_url.startswith("postgres") and AVAILABLE:
            extra["REDIS_URL"] = stack.enter_context(running_broker(folder)).url
        yield stack.enter_context(a_world(folder / "var", database_url, DIGESTS, None, **extra))


@pytest.mark.parametrize("who", ["sender", "worker", "two", "tree"])
def test_a_kill_at_any_instant_neither_doubles_nor_loses(
    tmp_path: Path, database_url: str, who: str, figures: Callable[..., None]
) -> None:
    seed = random.randrange(10**6)
    kills = TREE_KILLS if who == "tree" else KILLS
    with service_of(tmp_path, database_url, who) as world:
        world.server.delay = ANSWER_SECONDS
        if who != "sender":
            world.make_due()
            world.at = datetime.now(UTC)
        with Watch(world, DIGESTS, world.at) as watch:
            felt, cut, alive = kill_again_and_again(world, who, kills, random.Random(seed))
            world.server.most_open = 0
            alive.append(start(world, who, alive))
            try:
                took = world.wait_until_settled(DIGESTS, SECONDS_TO_SETTLE)
            finally:
                for process in alive:
                    kill(process)
                kill_all(world)
        measured = world.assert_nobody_was_wronged(DIGESTS)
        assert measured["uncertain"] <= cut + world.server.most_open
        settle_what_was_leaving(world)
        figures(
            kills=felt,
            connections_cut=cut,
            settled_s=round(took, 1),
            balance_looks=watch.looks,
            seed=seed,
            **measured,
        )


def settle_what_was_leaving(world: World) -> None:
    """Once their lease is over the open ones are uncertain, and they are never sent again."""
    before = len(world.server.taken)
    world.expire_leases()
    manage("send_digests", env=world.env)
    assert world.states().keys() <= SETTLED
    assert len(world.server.taken) == before
