"""Enqueue Celery tasks. The rows are the queue: a message that the broker loses loses no work."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from celery import Celery, current_app
from celery.app.task import Task
from django.conf import settings
from django.db import transaction

log = logging.getLogger(__name__)

FAIL_FAST_OPTIONS: Final = {
    "socket_timeout": 1,
    "socket_connect_timeout": 1,
    "max_retries": 0,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
}
_working: Counter[str] = Counter()
_lock = threading.Lock()


def on_commit(task: Task[Any, Any], *ids: int) -> None:
    """Enqueue ``task`` with ids after the commit; a broker that does not answer is only logged.

    Returns at once: another thread waits for a slow broker, so that no visitor does. Without Redis
    the worker polls the tables every second, and nothing is enqueued from here.
    """
    if settings.REDIS_URL:
        transaction.on_commit(
            lambda: threading.Thread(
                target=send, args=(task.name, *ids), kwargs={"app": task.app}, daemon=True
            ).start(),
            robust=True,
        )


def send(name: str, *ids: int, expires: float | None = None, app: Celery | None = None) -> bool:
    """Enqueue the task of that name now; return whether the broker took it, in a second or two."""
    app = app or current_app
    try:
        with app.connection_for_write(transport_options=FAIL_FAST_OPTIONS) as connection:
            app.send_task(name, args=ids, expires=expires, connection=connection, retry=False)
    except Task.OperationalError as error:
        log.warning("The broker does not answer; the polling loop will do %s. %s", name, error)
        return False
    return True


@contextmanager
def working(name: str) -> Iterator[None]:
    """Mark that a task of that name runs in this process."""
    with _lock:
        _working[name] += 1
    try:
        yield
    finally:
        with _lock:
            _working[name] -= 1


def is_working(name: str) -> bool:
    """Return whether a task of that name runs in this process."""
    return _working[name] > 0
