"""A host whose clock is off by more than thirty seconds sends nothing, and says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils.timezone import now

from newsletter import host_clock, jobs, tasks
from newsletter.delivery import rendering, sender
from newsletter.models import Consent, DeliveryEvent, Heartbeat, Notice
from newsletter.process.polling import Dispatcher, Work
from tests.factories import a_digest, a_paper, a_subscriber
from tests.sink import Sink

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]
MINUTE = timedelta(minutes=1)
measure = host_clock.skew


@pytest.fixture(autouse=True)
def real_skew(agreeing_clocks: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_clock, "skew", measure)
    monkeypatch.setattr(host_clock, "_measured", {})


@pytest.fixture(params=[MINUTE, -MINUTE], ids=["ahead", "behind"])
def skewed(request: pytest.FixtureRequest) -> Callable[[], time_machine.travel]:
    """Return what sets the clock of this host a minute ahead, or behind."""
    return lambda: time_machine.travel(now() + request.param)


Skewed = Callable[[], time_machine.travel]


def test_a_host_whose_clock_is_a_minute_off_sends_nothing(sink: Sink, skewed: Skewed) -> None:
    a_paper()
    a_subscriber(next_digest_at=now() - 2 * MINUTE)
    a_digest(next_attempt_at=now() - 2 * MINUTE)
    Notice.objects.create(kind=Notice.Kind.MANAGE, subscriber=a_subscriber())
    with skewed():
        assert jobs.assemble_digests() == 0
        assert jobs.send_digests() == jobs.send_notices() == {}
        assert sender.deliver(rendering.DIGESTS) == {}
    assert not sink.accepted


def test_one_whose_clock_is_twenty_seconds_off_sends(sink: Sink) -> None:
    a_digest(next_attempt_at=now() - MINUTE)
    with time_machine.travel(now() + timedelta(seconds=20)):
        assert sender.deliver(rendering.DIGESTS) == {"sent": 1}


def test_it_sends_again_once_its_clock_is_right(
    sink: Sink, skewed: Skewed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_clock, "MEASURED_SECONDS", 0.0)
    a_digest(next_attempt_at=now() - 2 * MINUTE)
    with skewed():
        assert sender.deliver(rendering.DIGESTS) == {}
    assert sender.deliver(rendering.DIGESTS) == {"sent": 1}


def test_the_command_says_why_and_how_far(sink: Sink, skewed: Skewed) -> None:
    with skewed(), pytest.raises(CommandError, match=r"is off by (59|60|61) sec"):
        call_command("send_digests")


def test_the_log_says_it(skewed: Skewed, caplog: pytest.LogCaptureFixture) -> None:
    with skewed():
        jobs.send_notices()
    assert "it sends nothing until that is set right" in caplog.text


def test_its_polling_loop_takes_no_work_from_the_other_hosts(skewed: Skewed) -> None:
    done: list[str] = []

    def enqueue() -> bool:
        done.append("enqueued")
        return True

    work = Work("digests", lambda: True, lambda: False, enqueue, done.append, 0.0)  # type: ignore[arg-type]
    with skewed():
        for _ in range(3):
            Dispatcher(work).round(jobs.never)
    assert not done


def test_it_deletes_nothing_whose_time_has_not_come() -> None:
    person = a_subscriber()
    DeliveryEvent.objects.create(
        provider="x", event_key="1", type="delivered", occurred_at=now(), processed_at=now()
    )
    Consent.objects.create(subscriber=person, action=Consent.Action.SIGN_UP)
    with time_machine.travel(now() + timedelta(days=800)):
        tasks.clean_up()
    assert DeliveryEvent.objects.exists()


def test_readyz_tells_of_a_wrong_clock_until_its_worker_is_gone(client: Client) -> None:
    Heartbeat.objects.create(name="worker")
    ahead = Heartbeat.objects.create(
        name="worker celery@b", at=now() + timedelta(hours=1), skew_seconds=3600
    )
    assert client.get("/readyz").status_code == 503
    ahead.at = now() + timedelta(hours=1) - timedelta(minutes=3)
    ahead.save()
    assert client.get("/readyz").status_code == 200
