"""The balance, looked at again and again from outside while others work on it."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self

from tests.faults.world import World

STATES: Final = frozenset(
    {"queued", "claimed", "sending", "sent", "failed", "uncertain", "skipped", "cancelled"}
)
PAUSE_SECONDS: Final = 0.1


class Watch:
    """Looks about ten times a second; ``looks`` counts, ``complaints`` says what was wrong.

    At every moment everybody who was due by ``until`` either still is or has one row in one
    state, what was sent stays so, and no more is ``sent`` than the mail server took.
    """

    def __init__(self, world: World, people: int, until: datetime) -> None:
        self.world = world
        self.people = people
        self.question = (
            "SELECT state, COUNT(*) FROM newsletter_digest GROUP BY state UNION ALL "
            "SELECT 'due', COUNT(*) FROM newsletter_subscriber "
            f"WHERE next_digest_at <= '{until:%F %T}+00:00'"
        )
        if world.database_url.startswith("sqlite"):
            self.question = self.question.replace("+00:00", "")
        self.looks = 0
        self.sent = 0
        self.complaints: list[str] = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.over.set()
        self.thread.join()
        if error is None:
            assert self.complaints == []
            assert self.looks > 0

    def _run(self) -> None:
        while not self.over.wait(PAUSE_SECONDS):
            self.look()

    def look(self) -> None:
        """Ask once, in one statement, so that nothing can move between two answers."""
        found: dict[str, Any] = dict(self.world.sql(self.question))
        taken = len({recipient for recipient, _ in self.world.server.taken})
        self.looks += 1
        sent = found.get("sent", 0)
        for wrong, says in {
            f"{sum(found.values())} instead of {self.people}": sum(found.values()) != self.people,
            f"unheard-of states in {found}": not found.keys() <= STATES | {"due"},
            f"sent fell from {self.sent} to {sent}": sent < self.sent,
            f"{sent} sent and {taken} taken": sent > taken,
        }.items():
            if says:
                self.complaints.append(f"{time.strftime('%X')}: {wrong}")
        self.sent = sent
