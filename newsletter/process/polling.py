"""Poll the tables for what is due, in threads of the worker, with or without a broker."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connections

from newsletter import jobs
from newsletter.conf import sqlite

log = logging.getLogger(__name__)

# Without Redis nothing else tells of new rows, so the rounds follow closely on each other.
PAUSE_SECONDS: Final = 15.0 if settings.REDIS_URL else 1.0
TROUBLE_SECONDS: Final = 5.0
# A round that sends for longer leaves the rest to the next.
SLICE_SECONDS: Final = 30.0
# Less than the launcher and docker-compose.yml wait before they kill.
STOP_SECONDS: Final = 50.0
GIVEN_UP_SECONDS: Final = 5.0
Round = Callable[[jobs.StopCondition], object]


class PollingLoop:
    """Threads that each repeat one kind of round over the tables."""

    def __init__(self, stopping: threading.Event) -> None:
        self.stopping = stopping
        rounds: dict[str, Round] = {
            "notices": jobs.send_notices,
            # A thread of its own: complaints must count while digests are chosen or sent.
            "events": jobs.process_events,
            "digests": lambda until: jobs.send_digests(until, stopping.is_set),
        }
        self.threads = [
            threading.Thread(target=self._run, args=(name, round_), name=name, daemon=True)
            for name, round_ in rounds.items()
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        """Stop every round between two messages, and return once the threads have ended.

        A message that is on its way may finish when the operator stops the worker. A worker that
        Celery gave up ends within seconds, so that it is started again; what was on its way is
        then settled like after any crash.
        """
        asked = self.stopping.is_set()
        self.stopping.set()
        deadline = time.monotonic() + (STOP_SECONDS if asked else GIVEN_UP_SECONDS)
        for thread in self.threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))

    def _slice(self) -> jobs.StopCondition:
        end = time.monotonic() + SLICE_SECONDS
        return lambda: self.stopping.is_set() or time.monotonic() > end

    def _run(self, name: str, round_: Round) -> None:
        while not self.stopping.is_set():
            pause = PAUSE_SECONDS
            close_old_connections()
            try:
                until = self._slice()
                round_(until)
                if until():
                    pause = 0.0
            except DatabaseError as error:
                log.warning(
                    "The database cannot be used, trying again: %s. %s", error, sqlite.complaint()
                )
                pause = TROUBLE_SECONDS
            except Exception:
                log.exception("%s broke off; the next round goes on.", name)
                pause = TROUBLE_SECONDS
            self.stopping.wait(pause)
        connections.close_all()
