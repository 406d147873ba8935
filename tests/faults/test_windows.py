"""SIGKILL in each window between two steps of a message: what is known of it afterwards.

With one connection a kill can leave one message in doubt, and only after its intent was written.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from tests.faults.conftest import FULL
from tests.faults.watch import Watch
from tests.faults.world import WORKER, World, a_world, kill

PEOPLE: Final = 30
SECONDS_TO_DIE: Final = 60
SECONDS_TO_SETTLE: Final = 30
# The window, for which of its openings the kill is meant, and how many messages are then in
# doubt: all of them, and those that had reached the mail server.
WINDOWS: Final = [
    ("before claim", 1, 0, 0),
    ("after claim", 1, 0, 0),
    ("after intent", 3, 1, 0),
    ("while sending", 3, 1, 0),
    ("after answer", 3, 1, 1),
    ("after result", 3, 1, 0),
]
COMMAND: Final = ("manage.py", "send_digests", "--really", "--at")


def die_in(world: World, window: str, number: int, program: tuple[str, ...]) -> None:
    process = world.start("-m", "tests.faults.edge", window, str(number), *program)
    try:
        assert process.wait(SECONDS_TO_DIE) == -9, f"the window never opened\n{world.log}"
    finally:
        kill(process)


def in_doubt(world: World) -> set[str]:
    rows = world.sql(
        "SELECT s.email FROM newsletter_digest d JOIN newsletter_subscriber s "
        "ON s.id = d.subscriber_id WHERE d.state IN ('sending', 'uncertain')"
    )
    return {row[0] for row in rows}


def wait_until_arrived(world: World, doubt: set[str]) -> None:
    """The last message of the second process may still be on its way."""
    deadline = time.monotonic() + SECONDS_TO_SETTLE
    while in_doubt(world) != doubt and time.monotonic() < deadline:
        time.sleep(0.1)


@pytest.mark.parametrize("who", ["sender", "worker"] if FULL else ["sender"])
@pytest.mark.parametrize(
    ("window", "number", "doubtful", "arrived"), WINDOWS, ids=[window for window, *_ in WINDOWS]
)
def test_a_kill_leaves_uncertain_only_what_may_have_left(
    tmp_path: Path,
    database_url: str,
    who: str,
    window: str,
    number: int,
    doubtful: int,
    arrived: int,
    figures: Callable[..., None],
) -> None:
    with a_world(tmp_path / "var", database_url, PEOPLE, MAIL_CONNECTIONS="1") as world:
        if who == "worker":
            world.make_due()
            world.at = datetime.now(UTC)
        program = WORKER if who == "worker" else (*COMMAND, world.at.isoformat())
        with Watch(world, PEOPLE, world.at) as watch:
            die_in(world, window, number, program)
            doubt = in_doubt(world)
            assert len(doubt) == doubtful
            assert len(doubt & {recipient for recipient, _ in world.server.taken}) == arrived
            world.expire_leases("state = 'sending'")  # Half a minute later.
            process = world.worker() if who == "worker" else world.sender()
            try:
                took = world.wait_until_settled(PEOPLE, SECONDS_TO_SETTLE)
                wait_until_arrived(world, doubt)
            finally:
                kill(process)
        measured = world.assert_nobody_was_wronged(PEOPLE)
        assert in_doubt(world) == doubt
        assert measured["sent"] == PEOPLE - doubtful
        figures(kills=1, settled_s=round(took, 1), balance_looks=watch.looks, **measured)
