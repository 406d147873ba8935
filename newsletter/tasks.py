"""Celery tasks: each calls one service, and can be lost or repeated without harm."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

from celery import Task, shared_task
from django.db import close_old_connections
from django.utils.timezone import now

from newsletter import host_clock, jobs
from newsletter.celery import stopping
from newsletter.delivery import bounces, senders
from newsletter.digests import retention
from newsletter.process import daily, dispatch, enqueue
from newsletter.subscriptions import feedback, list_imports
from newsletter.subscriptions import service as subscriptions

# A task of a child process ends after so long and enqueues its successor, so that others are
# served and a shutdown is quick.
SLICE_SECONDS: Final = 20.0


def _repeat(task: Task[Any, Any], run: Callable[[jobs.StopCondition], object]) -> None:
    """Repeat ``run`` for as long as its time is over before it is done.

    Beside a thread others go on, so that it repeats itself; a child process hands over.
    """
    while not stopping.is_set():
        until = jobs.after(SLICE_SECONDS, stopping.is_set)
        run(until)
        if not until():
            return
        if threading.current_thread() is threading.main_thread():
            enqueue.send(task.name, expires=SLICE_SECONDS)
            return
        close_old_connections()


@shared_task(bind=True)
def deliver_notices(self: Task[Any, Any]) -> None:
    """Send the notices that are queued."""
    _repeat(self, jobs.send_notices)


@shared_task
def enqueue_digests() -> None:
    """Enqueue the slices of digests that are due. Called each minute."""
    if host_clock.is_off():
        return
    jobs.prepare_digests()
    dispatch.assemble()
    dispatch.send()


@shared_task
def assemble_digests(first: int, last: int) -> None:
    """Write the digests of the due readers with ids from ``first`` to ``last``."""
    with dispatch.assembling():
        written = jobs.assemble_digests(first, last)
    if written:
        dispatch.send()


@shared_task(bind=True)
def send_digests(self: Task[Any, Any], passed_on: int = 0) -> None:
    """Send portions of the queued digests for as long as there are any.

    ``passed_on`` counts the processes that took the task while they were sending already.
    """
    if senders.is_free():
        _repeat(self, jobs.send_digests)
    else:
        dispatch.pass_on(passed_on)


@shared_task(bind=True)
def read_imports(self: Task[Any, Any]) -> None:
    """Read the lists that were uploaded in the admin."""
    _repeat(self, jobs.read_imports)


@shared_task
def clean_up() -> None:
    """Delete what its retention time has passed, which a host whose clock is off cannot tell."""
    if host_clock.is_off():
        return
    list_imports.delete_old(now())
    subscriptions.clean_up(now())
    bounces.delete_old_events(now())
    retention.delete_old_digests()
    jobs.forget_heartbeats(now())


@shared_task
def count_days() -> None:
    """Count the last days for the admin's plots and the counters of /metrics."""
    daily.count_days(now())


@shared_task
def count_likes() -> None:
    """Store the likes of readers as measurements of papers, before scoring."""
    feedback.count_likes(now())
