"""Enqueueing after commit: it neither delays nor fails the request."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import closing

import pytest
from celery import Celery
from django.db import transaction
from pytest_django import Settings

from newsletter.process.enqueue import on_commit
from tests.sink import free_port


def nothing(number: int) -> None:
    """A task."""


def wait_for(condition: Callable[[], bool], seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def enqueue_at(settings: Settings, port: int) -> float:
    """Ring a Redis at that port; how long it kept the caller waiting."""
    settings.REDIS_URL = f"redis://127.0.0.1:{port}/0"
    task = Celery(broker=settings.REDIS_URL, set_as_current=False).task(nothing)
    started = time.monotonic()
    with transaction.atomic():
        on_commit(task, 1)
    return time.monotonic() - started


@pytest.mark.django_db(transaction=True)
def test_a_dead_broker_neither_delays_nor_breaks_the_request(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    assert enqueue_at(settings, free_port()) < 0.5
    assert wait_for(lambda: "The broker does not answer" in caplog.text)


@pytest.mark.django_db(transaction=True)
def test_a_frozen_broker_does_not_delay_the_request_either(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        assert enqueue_at(settings, frozen.getsockname()[1]) < 0.5
        assert wait_for(lambda: "The broker does not answer" in caplog.text)


def test_without_redis_nothing_is_enqueued(settings: Settings) -> None:
    settings.REDIS_URL = ""
    app = Celery(broker="memory://", set_as_current=False)
    on_commit(app.task(nothing), 1)
    with (
        app.connection_for_read() as connection,
        closing(connection.SimpleQueue("celery")) as queue,
    ):
        assert queue.qsize() == 0
