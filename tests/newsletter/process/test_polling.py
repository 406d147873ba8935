"""The worker's own rounds: everything due leaves without any broker."""

from __future__ import annotations

import email
import email.policy
import logging
import threading
import time
from datetime import timedelta

import pytest
from django.utils.timezone import now
from pytest_django import Settings

from newsletter import jobs, tasks
from newsletter.models import Consent, DeliveryEvent, Digest, Heartbeat, Notice, Subscriber
from newsletter.process import enqueue, polling
from newsletter.process.polling import PollingLoop
from newsletter.security.email_addresses import parse
from newsletter.subscriptions import privacy, suppressions
from newsletter.subscriptions import service as subscriptions
from newsletter.subscriptions.consent_log import ActionOrigin
from tests.factories import a_digest, a_paper, a_subscriber
from tests.sink import Sink

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_round_delivers_the_confirmation_and_the_first_digest(sink: Sink) -> None:
    a_paper()
    subscriptions.sign_up(
        parse("ada@example.org"), "ada@example.org", {"topics": ["cs.CL"]}, ActionOrigin("test")
    )
    assert jobs.send_notices() == {"sent": 1}
    subscriptions.confirm(Consent.objects.get(), ActionOrigin("test"))
    assert jobs.send_digests() == {"sent": 1}
    assert sink.recipients == ["ada@example.org", "ada@example.org"]


def test_a_round_logs_a_balance_that_adds_up(sink: Sink, caplog: pytest.LogCaptureFixture) -> None:
    a_paper()
    for _ in range(3):
        a_subscriber()
    caplog.set_level(logging.INFO, "newsletter")
    tasks.send_digests.apply()
    sink.at_recipient = "450 4.2.1 later"
    a_subscriber()
    jobs.send_digests()
    jobs.send_digests()
    balances = [line for line in caplog.messages if line.startswith("Digests: ")]
    assert balances == [
        "Digests: due=3 sent=3 failed=0 uncertain=0 skipped=0 cancelled=0 queued=0",
        "Digests: due=1 sent=0 failed=0 uncertain=0 skipped=0 cancelled=0 queued=1",
    ]


def test_signing_up_again_is_answered_with_the_links(sink: Sink) -> None:
    person = a_subscriber(email="ada@example.org")
    subscriptions.sign_up(parse(person.email), person.email, {}, ActionOrigin("test"))
    jobs.send_notices()
    assert Notice.objects.get().kind == Notice.Kind.MANAGE
    assert "/preferences/" in sink.accepted[0].decode()


def test_a_confirmation_whose_link_has_died_is_not_sent(sink: Sink) -> None:
    subscriptions.sign_up(parse("ada@example.org"), "ada@example.org", {}, ActionOrigin("test"))
    notice, consent = Notice.objects.get(), Consent.objects.get()
    assert notice.expires_at == consent.at + timedelta(hours=72)
    Notice.objects.update(expires_at=now() - timedelta(minutes=1))
    assert jobs.send_notices() == {"failed": 1}
    assert sink.accepted == []


def test_the_subject_is_kept_for_whoever_asks_what_was_sent(sink: Sink) -> None:
    a_paper(title="Attention at rest")
    person = a_subscriber()
    jobs.send_digests()
    digest = Digest.objects.get()
    assert digest.subject.startswith("Attention at rest")
    sent = email.message_from_bytes(sink.accepted[0], policy=email.policy.default)
    assert sent["Subject"] == digest.subject
    assert privacy.export(person)["digests"][0]["subject"] == digest.subject


def test_a_suppressed_address_gets_no_mail_at_all(sink: Sink) -> None:
    suppressions.suppress("ada@example.org", "manual")
    subscriptions.sign_up(parse("ada@example.org"), "ada@example.org", {}, ActionOrigin("test"))
    jobs.send_notices()
    assert Notice.objects.get().state == Notice.State.CANCELLED
    assert sink.accepted == []


def test_the_threads_find_what_is_due_by_themselves_and_stop_at_once(sink: Sink) -> None:
    a_paper()
    a_subscriber()
    threads = PollingLoop(threading.Event())
    threads.start()
    deadline = time.monotonic() + 10
    while not sink.accepted and time.monotonic() < deadline:
        time.sleep(0.05)
    asked = time.monotonic()
    threads.stop()
    assert time.monotonic() - asked < 5
    assert Digest.objects.get().state == Digest.State.SENT
    assert Heartbeat.objects.filter(name="worker").exists()
    assert not Subscriber.objects.filter(next_digest_at=None).exists()


def test_a_long_send_does_not_keep_the_worker_from_its_other_duties(
    sink: Sink, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "SLICE_SECONDS", 0.3)
    settings.MAIL_RATE = 5
    a_paper()
    for _ in range(25):
        a_digest()
    threads = PollingLoop(threading.Event())
    threads.start()
    while not sink.accepted:
        time.sleep(0.05)
    latecomer = a_subscriber()
    deadline = time.monotonic() + 10
    while not latecomer.digests.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    waiting = Digest.objects.exclude(state=Digest.State.SENT).count()
    threads.stop()
    assert latecomer.digests.exists()
    assert waiting > 5


def test_events_of_providers_are_processed_while_digests_leave(
    sink: Sink, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "PAUSE_SECONDS", 0.3)
    settings.MAIL_RATE = 5
    for _ in range(25):
        a_digest()
    threads = PollingLoop(threading.Event())
    threads.start()
    while not sink.accepted:
        time.sleep(0.05)
    gone = a_digest(state=Digest.State.SENT).subscriber
    DeliveryEvent.objects.create(
        provider="x", event_key="1", type="complained", email_key=gone.email_key, occurred_at=now()
    )
    deadline = time.monotonic() + 10
    while DeliveryEvent.objects.get().processed_at is None and time.monotonic() < deadline:
        time.sleep(0.05)
    waiting = Digest.objects.exclude(state=Digest.State.SENT).count()
    threads.stop()
    gone.refresh_from_db()
    assert gone.status == Subscriber.Status.SUPPRESSED
    assert waiting > 5


def test_choosing_papers_goes_on_when_the_time_of_a_round_is_over(sink: Sink) -> None:
    a_paper()
    a_subscriber()
    jobs.send_digests(until=lambda: True)
    assert Digest.objects.get().state == Digest.State.QUEUED


def test_two_threads_of_a_worker_do_not_choose_the_same_papers_twice(sink: Sink) -> None:
    a_paper()
    a_subscriber()
    with jobs._assembling:
        jobs.send_digests()
    assert not Digest.objects.exists()


def test_a_worker_that_celery_gave_up_does_not_wait_for_a_round_that_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    over = threading.Event()
    monkeypatch.setattr(jobs, "send_notices", lambda _until: over.wait(60))
    monkeypatch.setattr(polling, "GIVEN_UP_SECONDS", 0.2)
    loop = PollingLoop(threading.Event())
    loop.start()
    begun = time.monotonic()
    loop.stop()
    assert time.monotonic() - begun < 30
    assert loop.stopping.is_set()
    over.set()
    for thread in loop.threads:
        thread.join(10)


class Tasks:
    """A broker that takes or refuses what is enqueued, and no worker behind it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, answers: bool) -> None:
        self.enqueued: list[str] = []
        self.answers = answers
        monkeypatch.setattr(enqueue, "send", self.send)

    def send(self, name: str, **_: object) -> bool:
        self.enqueued.append(name)
        return self.answers


def dispatcher(done: list[str], patience: float) -> polling.Dispatcher:
    def run(until: jobs.StopCondition) -> None:
        done.append("here")

    return polling.Dispatcher(polling.Work("digests", lambda: True, "a.task", run, patience))


def test_due_rows_are_handed_to_a_task_and_done_here_when_no_worker_takes_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tasks_, done = Tasks(monkeypatch, answers=True), list[str]()
    one = dispatcher(done, patience=0.2)
    one.round(jobs.never)
    one.round(jobs.never)
    assert (tasks_.enqueued, done) == (["a.task"], [])
    time.sleep(0.2)
    one.round(jobs.never)
    assert done == ["here"]


def test_without_an_answer_of_the_broker_the_loop_does_the_work_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tasks_, done = Tasks(monkeypatch, answers=False), list[str]()
    dispatcher(done, patience=60).round(jobs.never)
    assert (tasks_.enqueued, done) == (["a.task"], ["here"])


def test_while_a_task_is_at_work_in_this_process_none_is_added(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tasks_, done = Tasks(monkeypatch, answers=True), list[str]()
    with enqueue.working("a.task"):
        dispatcher(done, patience=0).round(jobs.never)
    assert (tasks_.enqueued, done) == ([], [])


def test_a_worker_reports_under_its_own_name_and_leaves_no_silence_behind() -> None:
    loop = PollingLoop(threading.Event(), "celery@here")
    loop.start()
    deadline = time.monotonic() + 10
    name = "worker celery@here"
    while not Heartbeat.objects.filter(name=name).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert Heartbeat.objects.filter(name=name).exists()
    loop.stop()
    assert not Heartbeat.objects.filter(name=name).exists()
