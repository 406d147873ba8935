"""Clocks that jump, back and forth: one digest for each subscriber and day."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
import time_machine

from newsletter.models import Digest
from tests import smtpd
from tests.factories import a_paper, a_subscriber
from tests.faults.world import INTERESTS, WORKER, World, a_world, kill
from tests.rounds import digest_round

PEOPLE: Final = 40
PAPERS_A_DAY: Final = 12


@pytest.mark.django_db(transaction=True)
def test_a_clock_that_jumps_back_and_forth_sends_no_day_twice(server: smtpd.Server) -> None:
    start = datetime(2026, 3, 10, 9, tzinfo=UTC)
    person = a_subscriber(next_digest_at=start - timedelta(hours=1))
    jumps = (0, 1, -25, 0, 24, 23, 25, -48, 48, 47, 72, 24, 73)
    for hours in jumps:
        moment = start + timedelta(hours=hours)
        a_paper(announced_at=moment - timedelta(hours=2))
        with time_machine.travel(moment):
            digest_round()
    days = list(Digest.objects.filter(subscriber=person).values_list("due_on", flat=True))
    assert len(days) == len(set(days))
    assert len(server.taken) == Digest.objects.filter(state=Digest.State.SENT).count()
    assert {day.day for day in days} >= {10, 11, 12, 13}


class Clock:
    """The wall clock of the programs that run on it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "days_away"
        self.jump(0)

    def jump(self, days: int) -> None:
        """To so many days away from the real time."""
        whole = self.file.with_suffix(".new")
        whole.write_text(str(days))
        whole.replace(self.file)


def add_papers(world: World, days: int) -> None:
    """Give every reader's search enough papers: a day without a new one would be skipped."""
    path = world.folder / "papers.jsonl"
    today = datetime.now(UTC).date()
    with path.open("w") as file:
        for number in range(len(INTERESTS) * PAPERS_A_DAY * days):
            wish = INTERESTS[number % len(INTERESTS)]
            paper = {
                "id": f"2503.{number:05}",
                "title": f"Finding {number} on {wish}",
                "abstract": f"Part {number} of what is known of {wish}, in method {number * 7}.",
                "published": str(today),
            }
            file.write(json.dumps(paper) + "\n")
    world.must("ingest", "--file", str(path), "--format", "jsonl")
    world.must("score")


def days_served(world: World) -> dict[str, int]:
    rows = world.sql("SELECT due_on, COUNT(*) FROM newsletter_digest GROUP BY due_on")
    return {str(day): count for day, count in rows}


def wait_for_mails(world: World, count: int) -> None:
    assert world.server.wait_for(count, 60), f"{len(world.server.taken)} of {count}\n{world.log}"


def test_a_worker_whose_clock_jumps_serves_every_day_once(
    tmp_path: Path, sqlite_url: str, figures: Callable[..., None]
) -> None:
    clock = Clock(tmp_path)
    with a_world(tmp_path / "var", sqlite_url, PEOPLE, hour=datetime.now(UTC).hour) as world:
        add_papers(world, days=5)
        world.make_due()
        worker = world.start("-m", "tests.faults.clock", str(clock.file), *WORKER)
        try:
            wait_for_mails(world, PEOPLE)
            for served, jumps in enumerate([(1,), (0, -1, 0, 2), (1, 3), (-2, 3, 4)], start=1):
                for days in jumps[:-1]:
                    clock.jump(days)
                    time.sleep(2)
                assert len(world.server.taken) == PEOPLE * served
                world.server.delay = 0.3
                clock.jump(jumps[-1])
                wait_for_mails(world, PEOPLE * served + 5)
                clock.jump(jumps[-1] - 1)  # Back by a day while mail is leaving.
                wait_for_mails(world, PEOPLE * (served + 1))
            took = world.wait_until_settled(PEOPLE * 5, 30, killed=False)
            assert worker.poll() is None
        finally:
            kill(worker)
        assert world.states() == {"sent": PEOPLE * 5}
        assert len(set(world.server.taken)) == len(world.server.taken) == PEOPLE * 5
        today = datetime.now(UTC).date()
        expected = {str(today + timedelta(days=number)): PEOPLE for number in range(5)}
        assert days_served(world) == expected
        figures(
            jumps=14,
            days=5,
            digests=PEOPLE * 5,
            sent=PEOPLE * 5,
            duplicates=0,
            lost=0,
            uncertain=0,
            settled_s=round(took, 1),
        )
