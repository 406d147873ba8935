"""Two alarms against our own bugs, each tried with one that is planted."""

from __future__ import annotations

from datetime import timedelta
from threading import Thread

import pytest
from django.db import connections
from django.utils.timezone import now

from newsletter import jobs
from newsletter.delivery import alarms, rendering, sender
from newsletter.models import Digest, Stream
from tests import smtpd
from tests.factories import a_digest, a_subscriber

pytestmark = pytest.mark.django_db(transaction=True)
STREAM = rendering.DIGESTS
State = Digest.State


def change(digest: Digest, **fields: str) -> None:
    """Change a row from outside, while the server has its message."""

    def work() -> None:
        Digest.objects.filter(pk=digest.pk).update(**fields)
        connections.close_all()

    thread = Thread(target=work)
    thread.start()
    thread.join()


def paused_because() -> str:
    found = Stream.objects.filter(name="digests", paused_at__isnull=False).first()
    return found.paused_reason if found else ""


def test_a_message_that_two_senders_sent_stops_the_stream(
    server: smtpd.Server,
) -> None:
    """The planted bug: a row is freed and sent by another while its message is out."""
    digest = a_digest()

    def steal(phase: smtpd.Phase, _who: str) -> str:
        if phase == "dot":
            change(digest, state=State.SENT, lease="another")
        return ""

    server.trouble = steal
    sender.deliver(STREAM)
    assert "More messages were accepted than there are rows" in paused_because()
    assert str(digest.pk) in paused_because()


@pytest.mark.parametrize("fields", [{"lease": ""}, {"state": State.UNCERTAIN}])
def test_a_row_that_an_event_settled_first_raises_no_alarm(
    server: smtpd.Server, fields: dict[str, str]
) -> None:
    digest = a_digest()

    def settle(phase: smtpd.Phase, _who: str) -> str:
        if phase == "dot":
            change(digest, **{"state": State.SENT} | fields)
        return ""

    server.trouble = settle
    assert sender.deliver(STREAM) == {"sent": 1}
    assert paused_because() == ""


def test_a_reader_who_was_sent_two_digests_of_one_day_stops_the_stream() -> None:
    """The planted bug: one address as two subscribers."""
    for spelling in ("ada@example.org", "Ada@Example.org"):
        person = a_subscriber(email=spelling, email_key=f"key of {spelling}", next_digest_at=None)
        a_digest(subscriber=person, state=State.SENT, sent_at=now())
    jobs.process_events(every=timedelta())
    assert "One reader was sent 2 digests" in paused_because()


def test_readers_with_one_digest_a_day_raise_no_alarm() -> None:
    person = a_subscriber()
    for days in range(3):
        a_digest(
            subscriber=person,
            due_on=now().date() - timedelta(days=days),
            state=State.SENT,
            sent_at=now(),
        )
    alarms.check_readers(now())
    assert paused_because() == ""
