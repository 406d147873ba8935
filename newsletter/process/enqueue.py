"""Enqueue Celery tasks. The rows are the queue: a message that the broker loses loses no work."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
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
    return send_all(name, [ids], expires=expires, app=app)


def send_all(
    name: str,
    calls: Iterable[tuple[int, ...]],
    *,
    expires: float | None = None,
    app: Celery | None = None,
) -> bool:
    """Enqueue the task of that name once for each tuple of ids, over one connection.

    Args:
        name: The name of the task.
        calls: The ids or bounds of each call.
        expires: After how many seconds a task that no worker took is dropped.
        app: The Celery application; the current one by default.

    Returns:
        Whether the broker took all of them, each in a second or two.
    """
    app = app or current_app
    try:
        with (
            app.connection_for_write(transport_options=FAIL_FAST_OPTIONS) as connection,
            app.amqp.Producer(connection, auto_declare=False) as producer,
        ):
            for ids in calls:
                app.send_task(name, args=ids, expires=expires, producer=producer, retry=False)
    except Task.OperationalError as error:
        log.warning("The broker does not answer; the polling loop will do %s. %s", name, error)
        return False
    return True
