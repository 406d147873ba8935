"""Poll the tables for what is due, in threads of the worker, with or without a broker.

Each thread looks for due rows and enqueues the tasks that work on them. The thread does the work
itself only where the broker does not answer, or where no worker takes the tasks in time (the
broker lost them, or every worker is busy), and logs that.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import DatabaseError, close_old_connections, connections
from django.db.models import Q

from newsletter import host_clock, jobs
from newsletter.conf import sqlite
from newsletter.delivery import outbox, streams
from newsletter.delivery.rendering import DIGESTS, NOTICES
from newsletter.leases import held
from newsletter.models import Heartbeat, Outbound
from newsletter.process import alerts, dispatch, enqueue, status
from newsletter.subscriptions import list_imports

log = logging.getLogger(__name__)

PAUSE_SECONDS: Final = 1.0
TROUBLE_SECONDS: Final = 5.0
# A round that sends for longer leaves the rest to the next.
SLICE_SECONDS: Final = 30.0
# Less than the launcher and docker-compose.yml wait before they kill.
STOP_SECONDS: Final = 50.0
GIVEN_UP_SECONDS: Final = 5.0
# A confirmation must leave within five seconds, however busy the workers are.
NOTICE_PATIENCE: Final = 2.0
DIGEST_PATIENCE: Final = 5.0
IMPORT_PATIENCE: Final = 5.0
HEARTBEAT_INTERVAL: Final = timedelta(seconds=15)
DELIVER: Final = "newsletter.tasks.deliver_notices"
READ_IMPORTS: Final = "newsletter.tasks.read_imports"


@dataclass(frozen=True)
class Work:
    """What one thread looks for.

    Attributes:
        name: Name of the thread.
        is_due: Returns whether rows wait.
        is_taken: Returns whether a worker is at work on such rows.
        enqueue: Enqueues the tasks that are still wanted; returns whether the broker answered. It
            is called in each round.
        run: Does the same in this process.
        patience: How long a task may wait for a worker, in seconds.
    """

    name: str
    is_due: Callable[[], bool]
    is_taken: Callable[[], bool]
    enqueue: Callable[[], bool]
    run: Callable[[jobs.StopCondition], object]
    patience: float


class PollingLoop:
    """Threads that each repeat one kind of round over the tables."""

    def __init__(
        self, stopping: threading.Event, worker: str = "", *, assembles: bool = False
    ) -> None:
        """Prepare the threads.

        Args:
            stopping: Set when the worker is to stop.
            worker: The name under which it reports.
            assembles: Whether threads of this process take slices, so that it keeps the papers.
        """
        self.stopping = stopping
        self.worker = f"{status.WORKER_PREFIX}{worker}"[:100] if worker else ""
        self.process = f"{status.PROCESS_PREFIX}{socket.gethostname()}:{os.getpid()}"[:100]
        rounds: dict[str, Callable[[jobs.StopCondition], object]] = {
            **{work.name: Dispatcher(work).round for work in works()},
            # A thread of its own: complaints must count while digests are chosen or sent.
            "events": self._process_events,
            "bounces": jobs.read_bounces,
        }
        if assembles:
            rounds["papers"] = lambda _until: jobs.prepare_papers()
        self.threads = [
            threading.Thread(target=self._run, args=(name, round_), name=name, daemon=True)
            for name, round_ in rounds.items()
        ]

    def start(self) -> None:
        """Start the threads, and the one that notifies the operator of problems."""
        for thread in self.threads:
            thread.start()
        alerts.start_watching(self.stopping)

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

    def _process_events(self, until: jobs.StopCondition) -> None:
        jobs.process_events(until)
        self._report()

    def _report(self) -> None:
        """Record that this worker is running; delete the record once it stops in order."""
        if not self.worker:
            return
        if self.stopping.is_set():
            Heartbeat.objects.filter(name__in=(self.worker, self.process)).delete()
            return
        jobs.record_heartbeat(self.process, HEARTBEAT_INTERVAL)
        if jobs.record_heartbeat(self.worker, HEARTBEAT_INTERVAL):
            skew = host_clock.skew().total_seconds()
            Heartbeat.objects.filter(name=self.worker).update(skew_seconds=skew)

    def _run(self, name: str, round_: Callable[[jobs.StopCondition], object]) -> None:
        while not self.stopping.is_set():
            pause = PAUSE_SECONDS
            close_old_connections()
            try:
                until = jobs.after(SLICE_SECONDS, self.stopping.is_set)
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
        if name == "events":
            self._forget()
        connections.close_all()

    def _forget(self) -> None:
        try:
            self._report()
        except DatabaseError as error:
            log.warning("The heartbeat of %s stays: %s", self.worker, error)


class Dispatcher:
    """Hands due work to Celery, and does it itself where no worker takes it."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.waiting_since: float | None = None

    def round(self, until: jobs.StopCondition) -> None:
        """Look once; enqueue what is due, or do it when nobody took what was enqueued before."""
        work, since = self.work, self.waiting_since
        self.waiting_since = None
        if host_clock.is_off() or not work.is_due():
            return
        taken = work.is_taken()
        if since is not None and not taken and time.monotonic() - since >= work.patience:
            log.warning("No worker took the tasks of %s in time; doing them here.", work.name)
            work.run(until)
        elif not work.enqueue():
            log.warning("The broker does not answer; doing the tasks of %s here.", work.name)
            work.run(until)
        elif not taken:
            self.waiting_since = since or time.monotonic()


def notices_are_due() -> bool:
    """Free the notices of senders that ended; return whether any can be sent now."""
    outbox.release_expired(NOTICES)
    if streams.is_stopped(NOTICES.name, patient=True):
        return False
    return outbox.ready(NOTICES.rows).exists()


def notices_are_taken() -> bool:
    """Return whether a worker sends notices now."""
    taken = Q(state__in=(Outbound.State.CLAIMED, Outbound.State.SENDING))
    return NOTICES.rows.filter(taken & held("lease_until")).exists()


def readers_are_due() -> bool:
    """Correct what keeps digests back; return whether any can be assembled now."""
    jobs.prepare_digests()
    return dispatch.readers_are_due()


def digests_are_ready() -> bool:
    """Free the digests of senders that ended; return whether any can be sent now."""
    outbox.release_expired(DIGESTS)
    jobs.record_heartbeat(status.WORKER)
    return dispatch.digests_are_ready()


def works() -> list[Work]:
    """Return what the worker looks for.

    Digests have two threads, so that some leave while others are assembled, without a broker too.
    """
    return [
        Work(
            "notices",
            notices_are_due,
            notices_are_taken,
            lambda: enqueue.send(DELIVER, expires=PAUSE_SECONDS + NOTICE_PATIENCE),
            jobs.send_notices,
            NOTICE_PATIENCE,
        ),
        Work(
            "assembling",
            readers_are_due,
            dispatch.is_assembling,
            dispatch.assemble,
            lambda until: jobs.assemble_digests(until=until),
            DIGEST_PATIENCE,
        ),
        Work(
            "sending",
            digests_are_ready,
            dispatch.is_sending,
            dispatch.send,
            jobs.send_digests,
            DIGEST_PATIENCE,
        ),
        Work(
            "imports",
            lambda: list_imports.due().exists(),
            list_imports.is_reading,
            lambda: enqueue.send(READ_IMPORTS, expires=PAUSE_SECONDS + IMPORT_PATIENCE),
            jobs.read_imports,
            IMPORT_PATIENCE,
        ),
    ]
