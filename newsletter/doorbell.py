"""Ring a Celery task after commit. The rows are the truth: a bell nobody hears loses nothing."""

from __future__ import annotations

import logging
from typing import Any

from celery.app.task import Task
from django.conf import settings
from django.db import transaction

log = logging.getLogger(__name__)


def ring(task: Task[Any, Any], *ids: int) -> None:
    """Enqueue ``task`` with ids once the transaction is through; a dead broker is only logged.

    Without Redis the worker polls the tables every second, and there is no bell to ring.
    """
    if settings.REDIS_URL:
        transaction.on_commit(lambda: _ring(task, ids), robust=True)


def _ring(task: Task[Any, Any], ids: tuple[int, ...]) -> None:
    try:
        task.apply_async(args=ids, retry=False)
    except task.OperationalError as error:
        log.warning("The broker does not answer; the next sweep will do %s. %s", task.name, error)
