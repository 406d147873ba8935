"""A whole installation of the test's own: a database, subscribers, a mail server, processes.

It is set up through the same doors that an operator uses, and looked at with plain SQL from
outside, so that nothing under test tells about itself.
"""

from __future__ import annotations

import csv
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg

from tests import smtpd
from tests.conftest import ROOT, SEED_LISTING
from tests.service import environment, manage, running_with
from tests.sink import free_port

INTERESTS: Final = (  # Each finds papers of the seed listing.
    "language models",
    "diffusion models",
    "reinforcement learning",
    "agents",
)
WORKER: Final = (
    *("-m", "celery", "--quiet", "-A", "newsletter", "worker", "--loglevel", "warning"),
    *("--pool", "threads", "--concurrency", "4"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
)
SETTLED: Final = {"sent", "failed", "uncertain", "skipped", "cancelled"}


@dataclass
class World:
    """``at`` is the moment at which everybody is due."""

    folder: Path
    database_url: str
    server: smtpd.Server
    extra: dict[str, str] = field(default_factory=dict)
    at: datetime = field(default_factory=lambda: datetime.now(UTC) + timedelta(days=2))

    @property
    def env(self) -> dict[str, str]:
        usual = environment(
            self.folder,
            DATABASE_URL=self.database_url,
            EMAIL_URL=self.server.url,
            LOG_LEVEL="WARNING",
        )
        return usual | self.extra

    def admit(self, subscribers: int, hour: int | None = None) -> None:
        """So many confirmed people; their hour is far from now unless it is given."""
        hour = (datetime.now(UTC).hour + 12) % 24 if hour is None else hour
        people = self.folder / "people.csv"
        with people.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["email", "confirmed_at", "consent_source", "hour", "interests"])
            for number in range(subscribers):
                wish = INTERESTS[number % len(INTERESTS)]
                rows.writerow([address(number), "2026-01-05T08:00Z", "paper form", hour, wish])
        self.must("import_subscribers", str(people))

    def must(self, *arguments: str) -> str:
        done = manage(*arguments, env=self.env)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def sender(self) -> subprocess.Popen[bytes]:
        return self.start("manage.py", "send_digests", "--really", "--at", self.at.isoformat())

    def worker(self) -> subprocess.Popen[bytes]:
        return self.start(*WORKER)

    def tree(self) -> subprocess.Popen[bytes]:
        """The whole service: web server, worker and, with Redis, the beat."""
        return self.start("manage.py", "run", PORT=str(free_port()))

    def start(
        self, *arguments: str, by: Sequence[str] = (), **extra: str
    ) -> subprocess.Popen[bytes]:
        """Python with these arguments, in a session of its own; ``by`` stands before it."""
        with (self.folder / "processes.log").open("ab") as log:
            return subprocess.Popen(
                [*by, sys.executable, *arguments],
                cwd=ROOT,
                env=self.env | extra,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def processes(self) -> dict[int, str]:
        """Whatever runs with this world's folder: process ids and command lines."""
        return running_with(self.folder)

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement in a connection of its own and commit it."""
        if self.database_url.startswith("sqlite"):
            with closing(sqlite3.connect(self.database_url[10:], timeout=30)) as lite, lite:
                return lite.execute(statement).fetchall()
        with psycopg.connect(self.database_url) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def states(self) -> Counter[str]:
        rows = self.sql("SELECT state, COUNT(*) FROM newsletter_digest GROUP BY state")
        return Counter(dict(rows))

    def make_due(self, whose: str = "TRUE") -> None:
        """The next digest of everybody, or of those meant, is due now, as if the hour had come."""
        moment = datetime.now(UTC) - timedelta(seconds=1)
        self.sql(
            f"UPDATE newsletter_subscriber SET next_digest_at = '{moment:%F %T}' WHERE {whose}"
        )

    def wait_until_at_work(self) -> None:
        """The worker has shown its heartbeat."""
        for _ in range(300):
            if self.sql("SELECT 1 FROM newsletter_heartbeat WHERE name = 'worker'"):
                return
            time.sleep(0.1)
        raise AssertionError(self.log)

    def expire_leases(self, where: str = "TRUE") -> None:
        """What the clock does: every open lease, or of those meant, is over."""
        past = datetime.now(UTC) - timedelta(hours=1)
        self.sql(
            f"UPDATE newsletter_digest SET lease_until = '{past:%F %T}' "
            f"WHERE lease_until IS NOT NULL AND {where}"
        )

    def wait_until_settled(self, subscribers: int, seconds: float, *, killed: bool = True) -> float:
        """How long it takes until nothing is left to send.

        A message that is ``sending`` counts as left while a process renews its lease; of one whose
        process was ``killed`` nothing more is to be learnt once that is over.
        """
        unsettled = {"queued", "claimed"} if killed else {"queued", "claimed", "sending"}
        start = time.monotonic()
        while time.monotonic() - start < seconds:
            states = self.states()
            done = sum(states.values()) == subscribers and not states.keys() & unsettled
            if done and not self.open_messages():
                return time.monotonic() - start
            time.sleep(0.1)
        raise AssertionError(f"not settled after {seconds} s: {dict(self.states())}\n{self.log}")

    def open_messages(self) -> int:
        """Return how many messages a process that is alive has out."""
        moment = datetime.now(UTC)
        [(count,)] = self.sql(
            "SELECT COUNT(*) FROM newsletter_digest "
            f"WHERE state = 'sending' AND lease_until > '{moment:%F %T}'"
        )
        return int(count)

    @property
    def log(self) -> str:
        path = self.folder / "processes.log"
        return path.read_text()[-4000:] if path.exists() else ""

    def sent_but_never_taken(self) -> set[str]:
        """Who has a row that says ``sent`` and a mailbox that says no."""
        rows = self.sql(
            "SELECT s.email FROM newsletter_digest d JOIN newsletter_subscriber s "
            "ON s.id = d.subscriber_id WHERE d.state = 'sent'"
        )
        return {row[0] for row in rows} - {recipient for recipient, _ in self.server.taken}

    def assert_nobody_was_wronged(self, subscribers: int) -> dict[str, int]:
        """No mail twice, no mail that only a row knows of, a row for everybody; the figures."""
        states = self.states()
        assert self.server.duplicates == []
        assert self.sent_but_never_taken() == set()
        assert sum(states.values()) == subscribers
        doubtful = states["uncertain"] + states["sending"]
        return {
            "digests": subscribers,
            "sent": states["sent"],
            "uncertain": doubtful,
            "duplicates": 0,
            "lost": 0,
        }


def address(number: int) -> str:
    return f"reader{number}@example.org"


def kill(process: subprocess.Popen[bytes]) -> bool:
    """SIGKILL; whether the process was still alive to feel it."""
    alive = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    return alive


def kill_all(world: World, which: str = "") -> int:
    """SIGKILL for everything in the world whose command line holds these words; how many."""
    victims = [process for process, command in world.processes().items() if which in command]
    for process in victims:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    return len(victims)


def install(folder: Path, database_url: str) -> None:
    """Tables and the papers of the seed listing, in an empty database."""
    folder.mkdir(exist_ok=True)
    env = environment(folder, DATABASE_URL=database_url)
    listing = ("ingest", "--file", str(SEED_LISTING), "--format", "listing")
    for arguments in (("migrate", "--verbosity", "0"), listing, ("score",)):
        done = manage(*arguments, env=env)
        assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def a_world(
    folder: Path, database_url: str, subscribers: int, hour: int | None = None, **extra: str
) -> Iterator[World]:
    """Confirmed people in an installed database, and a mail server of their own."""
    folder.mkdir(exist_ok=True)
    with smtpd.running() as server:
        world = World(folder, database_url, server, extra)
        world.admit(subscribers, hour)
        yield world
