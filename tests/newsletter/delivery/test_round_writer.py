"""Rounds are stored over a second connection of PostgreSQL, and rendering goes on meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from anymail.message import AnymailMessage
from django.db import DEFAULT_DB_ALIAS, connection, connections

from newsletter.delivery import late_results, rendering, round_writer, sender
from newsletter.delivery.outbox import Attempt, State
from newsletter.delivery.round_writer import RoundWriter
from newsletter.mail.errors import SendResult, SendStatus
from newsletter.models import Digest
from tests.factories import a_digest, a_paper
from tests.sink import Sink

pytestmark = pytest.mark.django_db(transaction=True)
STREAM = rendering.DIGESTS
SENT = SendResult(SendStatus.SENT)


def on_postgresql() -> bool:
    return connection.vendor == "postgresql"


@pytest.fixture(autouse=True)
def from_the_first_message_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(round_writer, "MESSAGES_BEFORE_CONNECTION", 0)


@pytest.fixture
def writer() -> Iterator[RoundWriter[Digest]]:
    one: RoundWriter[Digest] = RoundWriter(STREAM)
    yield one
    one.close()


def attempt(state: str = State.CLAIMED) -> Attempt[Digest]:
    return Attempt(a_digest(state=state, lease="mine"), AnymailMessage())


def states() -> list[str]:
    return list(Digest.objects.order_by("pk").values_list("state", flat=True))


def idle() -> bool:
    return False


def test_a_round_is_stored_with_results_and_intents(writer: RoundWriter[Digest]) -> None:
    answered, going = attempt(State.SENDING), attempt()
    done = writer.commit([(answered, SENT)], [going], proven=True, work=idle)
    assert (done.counts, done.started) == ({State.SENT: 1}, [going])
    assert states() == [State.SENT, State.SENDING]
    assert (writer.second is not None) == on_postgresql()


def test_work_is_done_for_as_long_as_the_database_takes(writer: RoundWriter[Digest]) -> None:
    going = attempt()
    other = connections.create_connection(DEFAULT_DB_ALIAS)
    seen: list[str] = []

    def work() -> bool:
        seen.append(going.row.__class__.objects.get().state)
        if len(seen) == 3:
            other.commit()
        return True

    try:
        if on_postgresql():  # Somebody holds the row until work was done three times.
            other.set_autocommit(False)
            with other.cursor() as cursor:
                cursor.execute(f"SELECT 1 FROM {STREAM.table} FOR UPDATE")
        assert writer.commit([], [going], proven=True, work=work).started == [going]
    finally:
        other.close()
    assert seen[:3] == ([State.CLAIMED] * 3 if on_postgresql() else [])
    assert states() == [State.SENDING]


def test_a_round_is_stored_again_when_the_second_connection_breaks(
    writer: RoundWriter[Digest],
) -> None:
    first, second = attempt(), attempt()
    writer.commit([], [first], proven=True, work=idle)
    if on_postgresql():
        with writer._second(idle).cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            [backend] = cursor.fetchone()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [backend])
    done = writer.commit([(first, SENT)], [second], proven=True, work=idle)
    assert (done.counts, done.started) == ({State.SENT: 1}, [second])
    assert states() == [State.SENT, State.SENDING]


def test_rounds_with_other_results_go_the_usual_way(writer: RoundWriter[Digest]) -> None:
    refused = SendResult(SendStatus.UNCERTAIN, "cut off")
    going = attempt(State.SENDING)
    done = writer.commit([(going, refused)], [], proven=True, work=idle)
    assert done.counts == {State.UNCERTAIN: 1}
    assert writer.second is None


def test_many_digests_are_sent_once_each(sink: Sink) -> None:
    paper = a_paper()
    items = [{"paper": paper.canonical_id, "reason": "new", "slot": "trending", "score": 0.5}]
    for _ in range(300):
        a_digest(items=items)
    assert sender.deliver(STREAM) == {State.SENT: 300}
    assert len(set(sink.recipients)) == len(sink.recipients) == 300


def test_what_is_stored_leaves_although_rendering_fails_meanwhile(sink: Sink) -> None:
    for _ in range(60):
        a_digest()

    def renderer() -> Any:
        render = rendering.render_digests()

        def fail_late(rows: list[Digest]) -> Any:
            for number, rendered in enumerate(render(rows)):
                if number == 45:
                    raise RuntimeError("the template is gone")
                yield rendered

        return fail_late

    with pytest.raises(RuntimeError, match="the template is gone"):
        sender.deliver(replace(STREAM, renderer=renderer))
    late_results.wait()
    assert set(states()) == {State.SENT, State.CLAIMED}
    assert states().count(State.SENT) == len(sink.accepted) > 20
