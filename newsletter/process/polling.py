"""Poll the tables for what is due, in threads of the worker, with or without a broker.

Each thread looks for due rows and enqueues the task that works on them. Where no worker takes the
task in time, because the broker is away, lost it or every worker is busy, the thread does the work.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connections
from django.utils.timezone import now

from newsletter import jobs
from newsletter.conf import sqlite
from newsletter.delivery import outbox, streams
from newsletter.delivery.outbox import MailStream
from newsletter.delivery.rendering import DIGESTS, NOTICES
from newsletter.models import Heartbeat, Outbound, Subscriber
from newsletter.process import alerts, enqueue, status
from newsletter.subscriptions import list_imports
from newsletter.subscriptions import service as subscriptions

log = logging.getLogger(__name__)

# Without Redis nothing else tells of new rows, so the rounds follow closely on each other.
PAUSE_SECONDS: Final = 3.0 if settings.REDIS_URL else 1.0
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


@dataclass(frozen=True)
class Work:
    """What one thread looks for.

    Attributes:
        name: Name of the thread.
        is_due: Returns whether rows wait.
        task: Name of the Celery task that works on them.
        run: Does the same in this process.
        patience: How long a task may wait for a worker, in seconds.
    """

    name: str
    is_due: Callable[[], bool]
    task: str
    run: Callable[[jobs.StopCondition], object]
    patience: float


class PollingLoop:
    """Threads that each repeat one kind of round over the tables."""

    def __init__(self, stopping: threading.Event, worker: str = "") -> None:
        self.stopping = stopping
        self.worker = f"{status.WORKER_PREFIX}{worker}"[:100] if worker else ""
        notices = Work(
            "notices",
            notices_are_due,
            "newsletter.tasks.deliver_notices",
            jobs.send_notices,
            NOTICE_PATIENCE,
        )
        digests = Work(
            "digests",
            digests_are_due,
            "newsletter.tasks.send_digests",
            lambda until: jobs.send_digests(until, stopping.is_set),
            DIGEST_PATIENCE,
        )
        imports = Work(
            "imports",
            lambda: list_imports.due().exists(),
            "newsletter.tasks.read_imports",
            jobs.read_imports,
            IMPORT_PATIENCE,
        )
        rounds: dict[str, Callable[[jobs.StopCondition], object]] = {
            "notices": Dispatcher(notices).round,
            "digests": Dispatcher(digests).round,
            "imports": Dispatcher(imports).round,
            # A thread of its own: complaints must count while digests are chosen or sent.
            "events": self._process_events,
            "bounces": jobs.read_bounces,
        }
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
            Heartbeat.objects.filter(name=self.worker).delete()
        elif jobs.record_heartbeat(self.worker, HEARTBEAT_INTERVAL):
            skew = status.clock_skew().total_seconds()
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
        self.enqueued_at: float | None = None

    def round(self, until: jobs.StopCondition) -> None:
        """Look once; enqueue what is due, or do it when nobody took what was enqueued before."""
        if enqueue.is_working(self.work.task) or not self.work.is_due():
            self.enqueued_at = None
        elif self.enqueued_at is None:
            if enqueue.send(self.work.task, expires=PAUSE_SECONDS + self.work.patience):
                self.enqueued_at = time.monotonic()
            else:
                self.work.run(until)
        elif time.monotonic() - self.enqueued_at >= self.work.patience:
            log.info("No worker took the task for %s in time; doing it here.", self.work.name)
            self.work.run(until)
            self.enqueued_at = None


def notices_are_due() -> bool:
    """Free the notices of senders that ended; return whether any can be sent now."""
    outbox.release_expired(NOTICES)
    return _can_be_sent(NOTICES)


def digests_are_due() -> bool:
    """Free the digests of senders that ended; return whether any can be assembled or sent now."""
    outbox.release_expired(DIGESTS)
    jobs.record_heartbeat(status.WORKER)
    subscriptions.resume_due(now())
    active = Subscriber.objects.filter(status=Subscriber.Status.ACTIVE, next_digest_at__lte=now())
    return active.exists() or _can_be_sent(DIGESTS)


def _can_be_sent(stream: MailStream[Any]) -> bool:
    if streams.is_stopped(stream.name, patient=True):
        return False
    return bool(
        stream.rows.filter(state=Outbound.State.QUEUED, next_attempt_at__lte=now()).exists()
    )
