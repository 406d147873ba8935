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

from newsletter import jobs
from newsletter.models import Consent, DeliveryEvent, Digest, Heartbeat, Notice, Subscriber
from newsletter.process import polling, status
from newsletter.process.polling import PollingLoop
from newsletter.security.email_addresses import parse
from newsletter.subscriptions import privacy, suppressions
from newsletter.subscriptions import service as subscriptions
from newsletter.subscriptions.consent_log import ActionOrigin
from tests.factories import a_digest, a_paper, a_subscriber
from tests.rounds import digest_round
from tests.sink import Sink

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_round_delivers_the_confirmation_and_the_first_digest(sink: Sink) -> None:
    a_paper()
    subscriptions.sign_up(
        parse("ada@example.org"), "ada@example.org", {"topics": ["cs.CL"]}, ActionOrigin("test")
    )
    assert jobs.send_notices() == {"sent": 1}
    subscriptions.confirm(Consent.objects.get(), ActionOrigin("test"))
    assert digest_round() == {"sent": 1}
    assert sink.recipients == ["ada@example.org", "ada@example.org"]


def test_a_round_logs_a_balance_that_adds_up(sink: Sink, caplog: pytest.LogCaptureFixture) -> None:
    a_paper()
    for _ in range(3):
        a_subscriber()
    caplog.set_level(logging.INFO, "newsletter")
    digest_round()
    sink.at_recipient = "450 4.2.1 later"
    a_subscriber()
    digest_round()
    digest_round()
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
    digest_round()
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


def test_the_threads_find_what_is_due_by_themselves_and_stop_at_once(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "DIGEST_PATIENCE", 0.5)
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
    monkeypatch.setattr(polling, "DIGEST_PATIENCE", 0.5)
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
    monkeypatch.setattr(polling, "DIGEST_PATIENCE", 0.5)
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


class Broker:
    """A broker that takes or refuses what is enqueued, and a worker behind it or none."""

    def __init__(self, *, answers: bool, taken: bool = False) -> None:
        self.answers = answers
        self.taken = taken
        self.enqueued = 0
        self.done_here = 0

    def dispatcher(self, patience: float) -> polling.Dispatcher:
        def enqueue() -> bool:
            self.enqueued += 1
            return self.answers

        def run(until: jobs.StopCondition) -> None:
            self.done_here += 1

        work = polling.Work("digests", lambda: True, lambda: self.taken, enqueue, run, patience)
        return polling.Dispatcher(work)


def test_due_rows_are_handed_to_a_task_and_done_here_when_no_worker_takes_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broker = Broker(answers=True)
    one = broker.dispatcher(patience=0.2)
    one.round(jobs.never)
    one.round(jobs.never)
    assert (broker.enqueued, broker.done_here) == (2, 0)
    time.sleep(0.2)
    one.round(jobs.never)
    assert broker.done_here == 1
    assert "No worker took the tasks of digests in time; doing them here." in caplog.messages


def test_without_an_answer_of_the_broker_the_loop_does_the_work_at_once_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broker = Broker(answers=False)
    broker.dispatcher(patience=60).round(jobs.never)
    assert (broker.enqueued, broker.done_here) == (1, 1)
    assert "The broker does not answer; doing the tasks of digests here." in caplog.messages


def test_while_a_worker_is_at_work_the_loop_does_nothing_itself() -> None:
    broker = Broker(answers=True, taken=True)
    one = broker.dispatcher(patience=0)
    for _ in range(3):
        one.round(jobs.never)
    assert (broker.enqueued, broker.done_here) == (3, 0)


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


def test_two_workers_of_one_name_count_as_two_and_leave_none_behind() -> None:
    loops = [PollingLoop(threading.Event(), "celery@here") for _ in range(2)]
    for number, loop in enumerate(loops):
        loop.process = f"process here:{number}"  # Two processes have two numbers.
        loop.start()
    deadline = time.monotonic() + 10
    while status.worker_count() < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert status.worker_count() == 2
    for loop in loops:
        loop.stop()
    assert not Heartbeat.objects.filter(name__startswith="process ").exists()
