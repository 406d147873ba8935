"""The doorbell: rung after commit, and never a reason to wait or to fail."""

from __future__ import annotations

import time

import pytest
from celery import Celery
from django.db import transaction
from pytest_django import Settings

from newsletter.doorbell import ring
from tests.sink import free_port


def nothing() -> None:
    """A task."""


@pytest.mark.django_db(transaction=True)
def test_a_dead_broker_neither_delays_nor_breaks_the_request(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    app = Celery(broker=settings.REDIS_URL, set_as_current=False)
    app.conf.broker_transport_options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    task = app.task(nothing)
    started = time.monotonic()
    with transaction.atomic():
        ring(task, 1)
    assert time.monotonic() - started < 2
    assert "The broker does not answer" in caplog.text


def test_without_redis_there_is_no_bell() -> None:
    app = Celery(broker="memory://", set_as_current=False)
    task = app.task(nothing)
    ring(task, 1)
    with app.connection_for_read() as connection:
        assert (
            connection.default_channel.queue_declare(app.conf.task_default_queue).message_count == 0
        )
