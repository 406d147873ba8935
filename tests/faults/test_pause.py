"""An operator who stops the mail while it leaves is obeyed at once, and nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.faults.world import World, a_world, kill

PEOPLE: Final = 120
SECONDS: Final = 5.0
# What the admin's button does, and when it was done.
SWITCH: Final = """
import time
from newsletter.delivery import streams
streams.{call}
print(time.time())
"""


def switch(world: World, call: str) -> float:
    return float(world.must("shell", "-v", "0", "-c", SWITCH.format(call=call)))


@pytest.mark.parametrize("who", ["sender", "worker"])
def test_nothing_leaves_five_seconds_after_a_pause_and_the_rest_after_its_end(
    tmp_path: Path, database_url: str, who: str, figures: Callable[..., None]
) -> None:
    with a_world(tmp_path / "var", database_url, PEOPLE, MAIL_CONNECTIONS="4") as world:
        world.server.delay = 0.5  # The mails take fifteen seconds to leave.
        world.make_due()
        process = world.worker() if who == "worker" else world.sender()
        try:
            assert world.server.wait_for(10, 60), world.log
            stopped = switch(world, 'pause("digests", "A closer look.")')
            time.sleep(SECONDS)
            taken = len(world.server.taken)
            time.sleep(2)
            assert len(world.server.taken) == taken < PEOPLE
            late = max(world.server.moments) - stopped
            assert late < SECONDS
            assert world.states() == {"sent": taken, "queued": PEOPLE - taken}

            switch(world, 'resume("digests")')
            if who == "sender":
                assert process.wait(SECONDS) == 1
                process = world.sender()
            took = world.wait_until_settled(PEOPLE, 60, killed=False)
        finally:
            kill(process)
        measured = world.assert_nobody_was_wronged(PEOPLE)
        assert measured["sent"] == PEOPLE
        figures(last_after_pause_s=max(0, round(late, 2)), settled_s=round(took, 1), **measured)
