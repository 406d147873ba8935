"""The Celery application: tasks carry ids only, and the database is the queue.

Every worker also polls the tables (``newsletter.process.polling``), so that a lost message, a
flushed broker or none at all delays a mail by seconds and loses none. On the embedded broker
(``memory://``) one worker process holds the beat, the polling loop and the pool of threads.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

from celery import Celery, bootsteps
from celery.beat import EmbeddedService
from celery.signals import setup_logging, worker_init, worker_shutting_down
from kombu import Queue

from newsletter.conf import sqlite

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsletter.settings")

app = Celery("paperboy")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# A queue each, so that workers can be given to one of them: celery worker -Q notices,default.
QUEUES = ("default", "notices", "library", "assembling", "sending")
app.conf.task_queues = [Queue(name) for name in QUEUES]
app.conf.task_routes = {
    "newsletter.tasks.assemble_digests": {"queue": "assembling"},
    "newsletter.tasks.send_digests": {"queue": "sending"},
    "newsletter.tasks.deliver_notices": {"queue": "notices"},
    "papers.tasks.*": {"queue": "library"},
    "newsletter.tasks.count_likes": {"queue": "library"},
    "newsletter.tasks.count_days": {"queue": "library"},
}
# The schedule is in the tables (due dates, next_run_at); the beat only asks often enough.
app.conf.beat_scheduler = "newsletter.process.beat:Scheduler"
app.conf.beat_schedule = {
    "enqueue digests": {
        "task": "newsletter.tasks.enqueue_digests",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "deliver notices": {
        "task": "newsletter.tasks.deliver_notices",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "ingest": {
        "task": "papers.tasks.ingest_due",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "count likes": {
        "task": "newsletter.tasks.count_likes",
        "schedule": 600.0,
        "options": {"expires": 600},
    },
    "index papers": {
        "task": "papers.tasks.index_papers",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "relate papers": {
        "task": "papers.tasks.relate_papers",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
    "embed papers": {
        "task": "papers.tasks.embed_papers",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "summarize papers": {
        "task": "papers.tasks.summarize_papers",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "score": {
        "task": "papers.tasks.score",
        "schedule": 600.0,
        "options": {"expires": 600},
    },
    "count days": {
        "task": "newsletter.tasks.count_days",
        "schedule": 600.0,
        "options": {"expires": 600},
    },
    "delete unmet papers": {
        "task": "papers.tasks.delete_unmet_papers",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
    "clean up": {
        "task": "newsletter.tasks.clean_up",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
}

# How long a thread that computes keeps others waiting, a fifth of Python's own interval: mail
# leaves in time while digests are assembled beside it.
SWITCH_SECONDS = 0.001
# Set when the worker begins to stop: long loops check it between two messages.
stopping = threading.Event()


@setup_logging.connect
def keep_logging(**_: Any) -> None:
    """Leave logging to the settings.

    Celery configures logging itself unless this signal has a receiver; its ``--loglevel`` would
    then also hide the balance of digests in our own lines.
    """


@worker_shutting_down.connect
def note_shutdown(**_: Any) -> None:
    """Signal to long loops that the worker is stopping."""
    stopping.set()


@worker_init.connect
def refuse_second_worker(sender: Any, **_: Any) -> None:
    """Refuse a second embedded worker on the same SQLite database.

    Raises:
        SystemExit: Another worker holds the lock.
    """
    path = sqlite.database_lock("worker")
    if path is None or not str(sender.app.conf.broker_url).startswith("memory://"):
        return
    try:
        sender.only_worker = sqlite.hold(path, f"process {os.getpid()}")
    except sqlite.DatabaseHeldError as held:
        raise SystemExit(f"A worker already runs on this database ({held.owner}).") from None


class PollingStep(bootsteps.StartStopStep):
    """Start the polling loop with the worker, and stop it with the worker."""

    requires = ("celery.worker.components:Pool",)

    def create(self, worker: Any) -> Any:
        """Return the service that Celery starts and stops."""
        from newsletter.process.polling import PollingLoop

        sys.setswitchinterval(SWITCH_SECONDS)
        takes_slices = "assembling" in worker.app.amqp.queues.consume_from
        in_threads = not worker.pool_cls.__module__.endswith(".prefork")
        return PollingLoop(stopping, worker.hostname, assembles=takes_slices and in_threads)


class EmbeddedBeat(bootsteps.StartStopStep):
    """Run the beat as a thread: no other process can reach a memory broker."""

    requires = ("celery.worker.components:Pool",)

    def include_if(self, worker: Any) -> bool:
        """Return whether the worker uses the embedded broker."""
        return str(worker.app.conf.broker_url).startswith("memory://")

    def create(self, worker: Any) -> Any:
        """Return the service that Celery starts and stops."""
        from newsletter.process.beat import Scheduler

        return EmbeddedService(worker.app, thread=True, scheduler_cls=Scheduler)


app.steps["worker"].update([PollingStep, EmbeddedBeat])
