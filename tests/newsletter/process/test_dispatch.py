"""Slices of a morning are enqueued once, whichever process looks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils.timezone import now
from pytest_django import Settings

from newsletter import tasks
from newsletter.delivery import senders, streams
from newsletter.digests import claims
from newsletter.models import Digest, Heartbeat
from newsletter.process import dispatch, enqueue
from tests.factories import a_digest, a_paper, a_subscriber
from tests.sink import Sink

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def several_hosts(settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:6379/15"


@pytest.fixture
def enqueued(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[int, ...]]]:
    """What the broker was given."""
    monkeypatch.setattr(dispatch, "_noted", {})
    given: list[tuple[str, tuple[int, ...]]] = []

    def send_all(name: str, calls: list[tuple[int, ...]], **_: object) -> bool:
        given.extend((name, tuple(ids)) for ids in calls)
        return True

    monkeypatch.setattr(enqueue, "send_all", send_all)
    return given


def later(name: str, seconds: float) -> None:
    """As if that had been recorded so long ago."""
    Heartbeat.objects.filter(name=name).update(at=now() - timedelta(seconds=seconds))


def test_each_slice_of_due_readers_is_enqueued_once(
    enqueued: list[tuple[str, tuple[int, ...]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "READERS_AT_ONCE", 2)
    ids = [a_subscriber().pk for _ in range(3)]
    assert dispatch.assemble()
    assert dispatch.assemble()
    assert enqueued == [(dispatch.ASSEMBLE, (ids[0], ids[1])), (dispatch.ASSEMBLE, (ids[2],) * 2)]


def test_slices_that_were_lost_are_enqueued_again_and_those_at_work_are_not(
    enqueued: list[tuple[str, tuple[int, ...]]],
) -> None:
    a_subscriber()
    dispatch.assemble()
    later(dispatch.ENQUEUED, 6)
    with dispatch.assembling():
        dispatch.assemble()
    assert len(enqueued) == 1
    later(dispatch.ASSEMBLING, 6)
    dispatch.assemble()
    assert len(enqueued) == 2


def test_a_task_writes_its_slice_and_asks_for_a_sender(
    enqueued: list[tuple[str, tuple[int, ...]]],
) -> None:
    a_paper()
    person = a_subscriber()
    tasks.assemble_digests.apply((person.pk, person.pk)).get()
    assert Digest.objects.get().state == Digest.State.QUEUED
    assert enqueued == [(dispatch.SEND, ())]
    assert not dispatch.is_assembling()


def test_each_worker_gets_one_sender_and_no_more_than_there_is_to_send(
    enqueued: list[tuple[str, tuple[int, ...]]],
) -> None:
    for number in range(3):
        Heartbeat.objects.create(name=f"process host:{number}")
    a_digest()
    dispatch.send()
    assert enqueued == [(dispatch.SEND, ())]
    later("senders enqueued", 3)
    for _ in range(2):
        a_digest()
    with senders.registered(lambda: False):
        assert senders.count() == 1
        dispatch.send()
    assert len(enqueued) == 2


def test_for_a_stream_that_is_stopped_nobody_is_enqueued(
    enqueued: list[tuple[str, tuple[int, ...]]],
) -> None:
    a_digest()
    streams.pause("digests", "a test")
    assert dispatch.send()
    assert enqueued == []


def test_who_is_due_after_the_last_slice_does_not_wait(
    enqueued: list[tuple[str, tuple[int, ...]]],
) -> None:
    a_paper()
    for _ in range(2):
        person = a_subscriber()
        dispatch.assemble()
        assert enqueued[-1] == (dispatch.ASSEMBLE, (person.pk, person.pk))
        tasks.assemble_digests.apply((person.pk, person.pk)).get()


def test_a_process_sends_in_one_thread(sink: Sink) -> None:
    a_digest()
    with senders.registered(lambda: False) as mine:
        assert mine is not None
        tasks.send_digests.apply().get()
        assert sink.accepted == []
    tasks.send_digests.apply().get()
    assert len(sink.accepted) == 1
    assert senders.count() == 0


def test_a_process_that_sends_passes_further_senders_on_a_few_times(
    enqueued: list[tuple[str, tuple[int, ...]]],
) -> None:
    for number in range(2):
        Heartbeat.objects.create(name=f"process host:{number}")
    a_digest()
    with senders.registered(lambda: False):
        tasks.send_digests.apply().get()
        assert enqueued == [(dispatch.SEND, (1,))]
        tasks.send_digests.apply((dispatch.PASSES,)).get()
        Heartbeat.objects.create(name=f"{senders.PREFIX}other:1")
        tasks.send_digests.apply((1,)).get()
    assert len(enqueued) == 1


def test_a_sender_that_died_is_counted_no_longer() -> None:
    Heartbeat.objects.create(name=f"{senders.PREFIX}gone:1", at=now() - timedelta(seconds=20))
    assert senders.count() == 0


def test_with_the_embedded_broker_each_process_enqueues_for_itself(
    enqueued: list[tuple[str, tuple[int, ...]]], settings: Settings
) -> None:
    settings.REDIS_URL = ""
    person = a_subscriber()
    Heartbeat.objects.create(name=dispatch.ASSEMBLING)
    Heartbeat.objects.create(name=f"{senders.PREFIX}elsewhere:1")
    dispatch.assemble()
    a_digest()
    dispatch.send()
    dispatch.send()
    assert enqueued == [(dispatch.ASSEMBLE, (person.pk, person.pk)), (dispatch.SEND, ())]


def test_a_child_process_hands_over_when_its_time_is_over(
    enqueued: list[tuple[str, tuple[int, ...]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "SLICE_SECONDS", -1.0)
    runs: list[bool] = []
    tasks._repeat(tasks.send_digests, lambda until: runs.append(until()))
    assert runs == [True]
    assert enqueued == [(dispatch.SEND, ())]


def test_a_thread_goes_on_until_it_is_done(
    enqueued: list[tuple[str, tuple[int, ...]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "SLICE_SECONDS", -1.0)
    runs: list[bool] = []

    def run(until: Callable[[], bool]) -> None:
        runs.append(until())
        if len(runs) == 2:
            monkeypatch.setattr(tasks, "SLICE_SECONDS", 20.0)

    thread = threading.Thread(target=tasks._repeat, args=(tasks.send_digests, run))
    thread.start()
    thread.join()
    assert runs == [True, True, False]
    assert enqueued == []
