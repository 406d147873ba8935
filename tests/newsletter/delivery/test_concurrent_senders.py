"""Several runs at once share the connections of their process and the rows of their stream."""

from __future__ import annotations

from threading import Thread
from typing import Any

import pytest
from django.db import connections
from django.utils.timezone import now
from pytest_django import Settings

from newsletter.delivery import connections as pools
from newsletter.delivery import outbox, rendering, sender
from newsletter.delivery.outbox import State
from newsletter.models import Digest, Notice
from tests import smtpd
from tests.factories import a_digest, a_paper, a_subscriber

pytestmark = pytest.mark.django_db(transaction=True)
STREAM = rendering.DIGESTS


def run(stream: outbox.MailStream[Any]) -> Thread:
    """A run of its own in a thread of its own."""

    def work() -> None:
        sender.deliver(stream)
        connections.close_all()

    thread = Thread(target=work)
    thread.start()
    return thread


def digests(count: int) -> None:
    paper = a_paper()
    items = [{"paper": paper.canonical_id, "reason": "new", "slot": "trending", "score": 0.5}]
    for _ in range(count):
        a_digest(items=items)


@pytest.mark.parametrize("limit", [1, 2])
def test_all_runs_of_a_process_together_keep_to_the_limit(
    server: smtpd.Server, settings: Settings, limit: int
) -> None:
    settings.MAIL_CONNECTIONS = limit
    server.delay = 0.004
    digests(300)  # More than one claim takes.
    for thread in [run(STREAM) for _ in range(3)]:
        thread.join()
    assert set(Digest.objects.values_list("state", flat=True)) == {State.SENT}
    assert server.most_open == limit
    assert server.duplicates == []


def test_a_confirmation_needs_no_connection_of_the_digests(
    server: smtpd.Server, settings: Settings
) -> None:
    settings.MAIL_CONNECTIONS = 1
    server.delay = 0.1
    digests(10)
    person = a_subscriber()
    thread = run(STREAM)
    assert server.wait_for(1, 10)
    Notice.objects.create(kind=Notice.Kind.MANAGE, subscriber=person)
    assert sender.deliver(rendering.NOTICES) == {"sent": 1}
    assert len(server.taken) < 11
    thread.join()
    assert (len(server.taken), server.most_open) == (11, 2)


@pytest.mark.parametrize("phase", ["connect", "mail", "dot"])
def test_every_connection_is_given_back_whatever_became_of_it(
    server: smtpd.Server, phase: str
) -> None:
    digests(12)
    seen: list[str] = []

    def some(at: smtpd.Phase, _who: str) -> str:
        seen.append(at)
        return "drop" if at == phase and seen.count(at) % 3 == 0 else ""

    server.trouble = some
    sender.deliver(STREAM)
    assert not +pools.permits.taken
    server.trouble = smtpd.calm
    Digest.objects.filter(state=State.QUEUED).update(next_attempt_at=now())
    sender.deliver(STREAM, patient=False)
    assert not Digest.objects.filter(state=State.QUEUED).exists()
    assert server.duplicates == []


def test_claimers_at_once_take_every_row_and_none_twice() -> None:
    digests(60)
    taken: list[int] = []

    def work() -> None:
        while rows := outbox.claim(STREAM, STREAM.rows, limit=4).rows:
            taken.extend(row.pk for row in rows)
        connections.close_all()

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(Digest.objects.values_list("pk", flat=True))
