"""A provider in trouble leaves a handful of messages in doubt, not a list, and doubles none."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now
from pytest_django import Settings

from newsletter.delivery import rendering, sender, streams
from newsletter.delivery.streams import DOUBTS_IN_A_ROW
from newsletter.models import Digest, Stream
from tests.factories import a_digest, a_paper, a_subscriber
from tests.faults.provider import Provider

pytestmark = pytest.mark.django_db(transaction=True)
STREAM = rendering.DIGESTS
State = Digest.State


def digests(count: int) -> None:
    paper = a_paper()
    items = [{"paper": paper.canonical_id, "reason": "new", "slot": "trending", "score": 0.5}]
    for _ in range(count):
        a_digest(to=a_subscriber(next_digest_at=None), items=items)


@pytest.mark.parametrize("answer", ["408", "500", "501", "503", "505"])
def test_an_answer_that_is_neither_yes_nor_no_is_never_repeated(
    provider: Provider, answer: str
) -> None:
    digests(3)
    asked: list[str] = []

    def behave(who: str) -> str:
        asked.append(who)
        return answer

    provider.behaviour = behave
    assert sender.deliver(STREAM) == {"uncertain": 3}
    Digest.objects.update(next_attempt_at=now())
    provider.behaviour = lambda _who: ""
    assert sender.deliver(STREAM, patient=False) == {}
    assert len(asked) == len(set(asked)) == 3


def test_an_outage_of_the_provider_holds_the_stream_and_each_time_for_longer(
    provider: Provider, settings: Settings
) -> None:
    settings.MAIL_CONNECTIONS = 4
    digests(100)
    provider.behaviour = lambda _who: "500"
    sender.deliver(STREAM)
    assert len(provider.asked) == DOUBTS_IN_A_ROW
    waits = []
    for _ in range(4):
        assert sender.deliver(STREAM) == {}
        held = streams.held_until(Stream.objects.get(name="digests"))
        assert held is not None
        waits.append((held - now()) / timedelta(minutes=1))
        Stream.objects.update(hold_until=now())
        sender.deliver(STREAM)
    assert [round(wait) for wait in waits] == [1, 2, 4, 8]
    assert len(provider.asked) == DOUBTS_IN_A_ROW + 4
    assert Digest.objects.filter(state=State.UNCERTAIN).count() == DOUBTS_IN_A_ROW + 4

    provider.behaviour = lambda _who: ""
    Stream.objects.update(hold_until=now())
    assert sender.deliver(STREAM)["sent"] == 100 - DOUBTS_IN_A_ROW - 4


def test_a_few_answers_of_trouble_in_between_hold_nothing(
    provider: Provider, settings: Settings
) -> None:
    settings.MAIL_CONNECTIONS = 1
    digests(12)
    count: list[str] = []

    def behave(who: str) -> str:
        count.append(who)
        return "500" if len(count) % 4 == 0 else ""

    provider.behaviour = behave
    assert sender.deliver(STREAM) == {"sent": 9, "uncertain": 3}
