"""Enqueue a Celery task after commit. The rows are the queue, so a lost message loses no work."""

from __future__ import annotations

import logging
import threading
from typing import Any, Final

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


def on_commit(task: Task[Any, Any], *ids: int) -> None:
    """Enqueue ``task`` with ids after the commit; a broker that does not answer is only logged.

    Returns at once: another thread waits for a slow broker, so that no visitor does. Without Redis
    the worker polls the tables every second, and nothing is enqueued from here.
    """
    if settings.REDIS_URL:
        transaction.on_commit(
            lambda: threading.Thread(target=_send, args=(task, ids), daemon=True).start(),
            robust=True,
        )


def _send(task: Task[Any, Any], ids: tuple[int, ...]) -> None:
    try:
        with task.app.connection_for_write(transport_options=FAIL_FAST_OPTIONS) as connection:
            options: dict[str, Any] = {"connection": connection, "retry": False}
            task.apply_async(args=ids, **options)
    except task.OperationalError as error:
        log.warning("The broker does not answer; the polling loop will do %s. %s", task.name, error)
