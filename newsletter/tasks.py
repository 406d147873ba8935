"""Celery tasks: each calls one service, and can be lost or repeated without harm."""

from __future__ import annotations

from typing import Any, Final

from celery import Task, shared_task
from django.utils.timezone import now

from newsletter import jobs
from newsletter.celery import stopping
from newsletter.delivery import bounces
from newsletter.process import daily, enqueue
from newsletter.subscriptions import feedback, list_imports
from newsletter.subscriptions import service as subscriptions

# A task ends after so long and enqueues its successor, so that a shutdown is quick.
SLICE_SECONDS: Final = 20.0


def _go_on(task: Task[Any, Any], until: jobs.StopCondition) -> None:
    """Enqueue the rest of a task that ended because its time was over."""
    if until() and not stopping.is_set():
        enqueue.send(task.name)


@shared_task(bind=True)
def deliver_notices(self: Task[Any, Any]) -> None:
    """Send the notices that are queued."""
    until = jobs.after(SLICE_SECONDS, stopping.is_set)
    with enqueue.working(self.name):
        jobs.send_notices(until)
    _go_on(self, until)


@shared_task(bind=True)
def send_digests(self: Task[Any, Any]) -> None:
    """Assemble and send the digests that are due."""
    until = jobs.after(SLICE_SECONDS, stopping.is_set)
    with enqueue.working(self.name):
        jobs.send_digests(until, stopping.is_set)
    _go_on(self, until)


@shared_task(bind=True)
def read_imports(self: Task[Any, Any]) -> None:
    """Read the lists that were uploaded in the admin."""
    until = jobs.after(SLICE_SECONDS, stopping.is_set)
    with enqueue.working(self.name):
        jobs.read_imports(until)
    _go_on(self, until)


@shared_task
def clean_up() -> None:
    """Delete what its retention time has passed."""
    list_imports.delete_old(now())
    subscriptions.clean_up(now())
    bounces.delete_old_events(now())
    jobs.forget_heartbeats(now())


@shared_task
def count_days() -> None:
    """Count the last days for the admin's plots and the counters of /metrics."""
    daily.count_days(now())


@shared_task
def count_likes() -> None:
    """Store the likes of readers as measurements of papers, before scoring."""
    feedback.count_likes(now())
