"""Several senders and schedulers at once: one digest for each subscriber and day."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.faults.world import World, a_world, kill

PEOPLE = 300
BALANCE: Final = re.compile(r"\bdue=\d+ sent=.* queued=\d+$", re.MULTILINE)
NUMBER: Final = re.compile(r"=(\d+)")


def test_two_commands_and_a_worker_share_the_work_and_double_nothing(
    tmp_path: Path, database_url: str, figures: Callable[..., None]
) -> None:
    with a_world(tmp_path / "var", database_url, PEOPLE, LOG_LEVEL="INFO") as world:
        world.server.delay = 0.02
        world.make_due()
        world.at = datetime.now(UTC)
        senders, worker = [world.sender(), world.sender()], world.worker()
        try:
            took = world.wait_until_settled(PEOPLE, 60, killed=False)
            # 1 where one saw mails of another still on their way.
            assert {sender.wait(60) for sender in senders} <= {0, 1}, world.log
            printed = wait_for_balances(world, len(senders))
        finally:
            for process in (*senders, worker):
                kill(process)
        measured = world.assert_nobody_was_wronged(PEOPLE)
        assert measured["sent"] == len(world.server.taken) == PEOPLE
        assert all(due == sum(rest) for due, *rest in printed)
        figures(senders=3, settled_s=round(took, 1), **measured)


def wait_for_balances(world: World, least: int) -> list[list[int]]:
    """The numbers of every balance that commands print and workers log."""
    for _ in range(100):
        log = (world.folder / "processes.log").read_text()
        lines = BALANCE.findall(log)
        if len(lines) >= least:
            return [[int(number) for number in NUMBER.findall(line)] for line in lines]
        time.sleep(0.1)
    raise AssertionError(world.log)


def test_two_schedulers_on_one_database_make_one_digest_for_everybody(
    tmp_path: Path, postgres_url: str, figures: Callable[..., None]
) -> None:
    """Without Redis every worker has a scheduler and a sweep of its own."""
    with a_world(tmp_path / "var", postgres_url, PEOPLE, LOG_LEVEL="INFO") as world:
        world.server.delay = 0.02
        workers = [world.worker(), world.worker()]
        try:
            world.wait_until_at_work()
            world.make_due()
            took = world.wait_until_settled(PEOPLE, 60, killed=False)
            assert [worker.poll() for worker in workers] == [None, None], world.log
            logged = wait_for_balances(world, 1)
        finally:
            for worker in workers:
                kill(worker)
        measured = world.assert_nobody_was_wronged(PEOPLE)
        assert measured["sent"] == PEOPLE
        rows = world.sql("SELECT subscriber_id, due_on FROM newsletter_digest")
        assert len(rows) == len(set(rows)) == PEOPLE
        assert all(due == sum(rest) for due, *rest in logged)
        figures(schedulers=2, settled_s=round(took, 1), **measured)
