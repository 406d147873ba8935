"""Ring a Celery task after commit. The rows are the truth: a bell nobody hears loses nothing."""

from __future__ import annotations

import logging
import threading
from typing import Any, Final

from celery.app.task import Task
from django.conf import settings
from django.db import transaction

log = logging.getLogger(__name__)

IMPATIENT: Final = {
    "socket_timeout": 1,
    "socket_connect_timeout": 1,
    "max_retries": 0,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
}


def ring(task: Task[Any, Any], *ids: int) -> None:
    """Enqueue ``task`` with ids once the transaction is through; a dead broker is only logged.

    Returns at once: a thread of its own waits for a broker that hangs, so that no visitor does.
    Without Redis the worker polls the tables every second, and there is no bell to ring.
    """
    if settings.REDIS_URL:
        transaction.on_commit(
            lambda: threading.Thread(target=_ring, args=(task, ids), daemon=True).start(),
            robust=True,
        )


def _ring(task: Task[Any, Any], ids: tuple[int, ...]) -> None:
    try:
        with task.app.connection_for_write(transport_options=IMPATIENT) as connection:
            options: dict[str, Any] = {"connection": connection, "retry": False}
            task.apply_async(args=ids, **options)
    except task.OperationalError as error:
        log.warning("The broker does not answer; the next sweep will do %s. %s", task.name, error)
