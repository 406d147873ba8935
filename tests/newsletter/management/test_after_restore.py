"""``manage.py after_restore``: a backup taken before sending mails nobody twice."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core import serializers
from django.core.management import CommandError, call_command
from django.utils.timezone import now

from newsletter import jobs
from newsletter.delivery import streams
from newsletter.delivery.rendering import STREAMS
from newsletter.models import Digest, Notice, Subscriber
from newsletter.subscriptions import schedule
from tests.factories import a_digest, a_paper, a_subscriber
from tests.rounds import digest_round
from tests.sink import Sink

pytestmark = pytest.mark.django_db(transaction=True)
State = Digest.State
MORNING = datetime(2026, 3, 11, 9, 0, tzinfo=UTC)


def run(since: datetime) -> dict[str, int]:
    """The counts of the last line."""
    out = io.StringIO()
    call_command("after_restore", "--since", since.isoformat(), stdout=out)
    *advice, last = out.getvalue().strip().splitlines()
    assert "What to do now" in " ".join(advice)
    return {key: int(value) for key, _, value in (pair.partition("=") for pair in last.split())}


def backup() -> str:
    rows = [*Subscriber.objects.all(), *Digest.objects.all()]
    return str(serializers.serialize("json", rows))


def restore(saved: str) -> None:
    Digest.objects.all().delete()
    Subscriber.objects.all().delete()
    for row in serializers.deserialize("json", saved):
        row.save()


def resume() -> None:
    for stream in STREAMS:
        streams.resume(stream.name)


def test_a_backup_of_before_the_mailing_sends_nothing_again(sink: Sink) -> None:
    with time_machine.travel(MORNING) as clock:
        paper = a_paper()
        people = [
            a_subscriber(hour=8, timezone="UTC", next_digest_at=MORNING - timedelta(hours=1))
            for _ in range(3)
        ]
        Digest.objects.create(
            subscriber=a_subscriber(next_digest_at=MORNING + timedelta(days=2)),
            due_at=MORNING - timedelta(hours=10),
            due_on=MORNING.date() - timedelta(days=1),
            items=[{"paper": paper.canonical_id, "reason": "new", "slot": "trending", "score": 1}],
        )
        saved, made = backup(), now()
        digest_round()
        assert len(sink.accepted) == 4
        clock.shift(timedelta(hours=2))
        restore(saved)
        assert run(made) == {"due": 3, "held": 1, "streams": 2}
        resume()
        digest_round()
        assert len(sink.accepted) == 4
        assert set(Digest.objects.values_list("state", flat=True)) == {State.UNCERTAIN}
        a_paper()
        clock.shift(timedelta(hours=22))
        digest_round()
    assert len(sink.accepted) == 7
    assert sorted(sink.recipients[4:]) == sorted(person.email for person in people)


def test_the_streams_are_stopped_until_a_person_has_looked(sink: Sink) -> None:
    a_paper()
    a_subscriber()
    run(now() - timedelta(hours=1))
    a_subscriber()
    jobs.send_due(now())
    assert all(streams.is_stopped(stream.name, patient=False) for stream in STREAMS)
    assert not sink.accepted


@pytest.mark.parametrize("frequency", ["daily", "weekdays", "weekly"])
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/Nuuk"])
def test_every_due_day_since_the_backup_gets_a_row_and_no_other(frequency: str, zone: str) -> None:
    with time_machine.travel(MORNING):
        made = now() - timedelta(days=9)
        person = a_subscriber(frequency=frequency, timezone=zone, hour=7, weekday=2)

        def next_due(after: datetime) -> datetime:
            return schedule.next_due(
                frequency=frequency, weekday=2, hour=7, timezone=zone, after=after
            )

        moment = next_due(made)
        Subscriber.objects.update(next_digest_at=moment)
        expected = set()
        while moment <= now():
            expected.add(schedule.due_day(moment, zone))
            moment = next_due(moment)
        assert run(made)["due"] == len(expected) > 0
        assert set(person.digests.values_list("due_on", flat=True)) == expected
        person.refresh_from_db()
        assert person.next_digest_at is not None
        assert person.next_digest_at > now()
        assert run(made)["due"] == 0


@pytest.mark.parametrize("state", [State.QUEUED, State.CLAIMED, State.SENDING])
def test_mail_that_the_backup_holds_as_unsent_becomes_uncertain(state: str) -> None:
    digest = a_digest(state=state, lease="x", subscriber=a_subscriber(next_digest_at=None))
    sent = a_digest(state=State.SENT, subscriber=a_subscriber(next_digest_at=None))
    notice = Notice.objects.create(subscriber=digest.subscriber, kind="manage", state=state)
    assert run(now() - timedelta(hours=1))["held"] == 2
    for row in (digest, notice, sent):
        row.refresh_from_db()
    assert (digest.state, notice.state, sent.state) == (
        State.UNCERTAIN,
        State.UNCERTAIN,
        State.SENT,
    )
    assert (digest.lease, digest.lease_until) == ("", None)


def test_a_pause_that_ended_since_the_backup_counts() -> None:
    with time_machine.travel(MORNING):
        until = now() - timedelta(days=2)
        person = a_subscriber(
            status="paused", paused_until=until, next_digest_at=None, hour=7, timezone="UTC"
        )
        assert run(now() - timedelta(days=5))["due"] == 2
        jobs.send_due(now())
    assert set(person.digests.values_list("state", flat=True)) == {State.UNCERTAIN}


@pytest.mark.parametrize("since", ["yesterday", "2999-01-01", ""])
def test_a_time_that_is_none_is_refused(since: str) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("after_restore", "--since", since)
    assert refused.value.returncode == 2
