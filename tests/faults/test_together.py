"""Several senders at once, and clocks that jump: one digest for each subscriber and day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from newsletter import dispatch
from newsletter.models import Digest
from tests import smtpd
from tests.factories import a_paper, a_subscriber
from tests.faults.world import a_world, kill

PEOPLE = 300


def test_two_commands_and_a_worker_share_the_work_and_double_nothing(
    tmp_path: Path, database_url: str, figures: Callable[..., None]
) -> None:
    with a_world(tmp_path / "var", database_url, PEOPLE) as world:
        world.server.delay = 0.02
        world.make_due()
        world.at = datetime.now(UTC)
        processes = [world.sender(), world.sender(), world.worker()]
        try:
            took = world.wait_until_settled(PEOPLE, 60, killed=False)
        finally:
            for process in processes:
                kill(process)
        assert world.states() == {"sent": PEOPLE}
        assert world.server.duplicates == []
        assert len(world.server.taken) == PEOPLE
        figures(senders=3, digests=PEOPLE, settled_s=round(took, 1))


@pytest.mark.django_db(transaction=True)
def test_a_clock_that_jumps_back_and_forth_sends_no_day_twice(server: smtpd.Server) -> None:
    start = datetime(2026, 3, 10, 9, tzinfo=UTC)
    person = a_subscriber(next_digest_at=start - timedelta(hours=1))
    jumps = (0, 1, -25, 0, 24, 23, 25, -48, 48, 47, 72, 24, 73)
    for hours in jumps:
        moment = start + timedelta(hours=hours)
        a_paper(announced_at=moment - timedelta(hours=2))
        with time_machine.travel(moment):
            dispatch.sweep_digests()
    days = list(Digest.objects.filter(subscriber=person).values_list("due_on", flat=True))
    assert len(days) == len(set(days))
    assert len(server.taken) == Digest.objects.filter(state=Digest.State.SENT).count()
    assert {day.day for day in days} >= {10, 11, 12, 13}
