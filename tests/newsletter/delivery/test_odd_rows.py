"""One odd row or answer costs no other row its place, and no accepted message its record."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import chain
from typing import Any

import pytest
from anymail.message import AnymailMessage
from django.db import IntegrityError, connection
from pytest_django import Settings

from newsletter.delivery import outbox, rendering, sender
from newsletter.delivery.outbox import Attempt, State
from newsletter.delivery.rounds import commit
from newsletter.mail.errors import SendResult, SendStatus
from newsletter.models import DeliveryEvent, Digest, FrozenCard
from tests.factories import a_digest, a_paper
from tests.sink import Sink

pytestmark = pytest.mark.django_db(transaction=True)
STREAM = rendering.DIGESTS
SENT = SendResult(SendStatus.SENT)
REFUSED = SendResult(SendStatus.FINAL, "550 no such user", reject_reason="bounced")


def attempts(count: int, state: str = State.SENDING) -> list[Attempt[Any]]:
    return [
        Attempt(a_digest(state=state, lease="mine", attempts=1), AnymailMessage())
        for _ in range(count)
    ]


def states() -> list[str]:
    return list(Digest.objects.order_by("pk").values_list("state", flat=True))


def test_a_reader_who_was_erased_while_the_mail_travelled_costs_nobody_anything() -> None:
    sent, refused, later = attempts(3)
    refused.row.subscriber.delete()
    commit(STREAM, [(sent, SENT), (refused, REFUSED), (later, SENT)], [])
    assert states() == [State.SENT, State.SENT]
    assert not DeliveryEvent.objects.exists()


def test_a_refusal_is_noted_once_it_is_known_to_be_the_end() -> None:
    [refused] = attempts(1)
    commit(STREAM, [(refused, REFUSED)], [])
    assert states() == [State.FAILED]
    assert DeliveryEvent.objects.get().reject_reason == "bounced"


class Refusal:
    """The database refuses what is written of one row."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        given = chain.from_iterable(
            value if isinstance(value, list) else [value] for value in params or ()
        )
        if sql.split(maxsplit=1)[0] in {"UPDATE", "WITH"} and self.value in given:
            raise IntegrityError("no")
        return execute(sql, params, many, context)


def test_a_result_that_cannot_be_written_leaves_the_others_written(
    caplog: pytest.LogCaptureFixture,
) -> None:
    first, odd, last = attempts(3)
    with connection.execute_wrapper(Refusal(odd.row.pk)):
        counts, _, _ = commit(STREAM, [(first, SENT), (odd, SENT), (last, SENT)], [])
    assert states() == [State.SENT, State.SENDING, State.SENT]
    assert counts == {State.SENT: 2}
    [said] = [line for line in caplog.records if line.levelno == logging.ERROR]
    assert str(odd.row.pk) in said.getMessage()


def test_an_intent_that_cannot_be_written_fails_its_row_alone() -> None:
    travelled, odd, good = [*attempts(1), *attempts(2, State.CLAIMED)]
    odd.row.cards = "odd"
    with connection.execute_wrapper(Refusal("odd")):
        _, granted, _ = commit(STREAM, [(travelled, SENT)], [odd, good])
    assert granted == [good]
    assert states() == [State.SENT, State.FAILED, State.SENDING]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda digest: Digest.objects.filter(pk=digest.pk).update(cards="one two three"),
        lambda digest: FrozenCard.objects.filter(key=digest.cards).update(content={"x": 1}),
    ],
    ids=["cards that do not match", "a card of another version"],
)
def test_a_row_whose_cards_cannot_be_dealt_fails_alone(
    sink: Sink, settings: Settings, spoil: Callable[[Digest], object]
) -> None:
    _, odd, _ = (a_digest() for _ in range(3))
    list(rendering.render_digests()([odd]))  # Its only card is frozen.
    odd.save()
    spoil(odd)
    assert sender.deliver(STREAM) == {"sent": 2, "failed": 1}
    odd.refresh_from_db()
    assert odd.reason.startswith("It could not be written: ")
    assert len(sink.accepted) == 2


def test_a_paper_that_cannot_be_shown_costs_only_its_own_readers_their_mail(sink: Sink) -> None:
    good, odd = a_digest(), a_digest()
    paper = a_paper(authors=7)
    Digest.objects.filter(pk=odd.pk).update(items=[{"paper": paper.canonical_id}])
    assert sender.deliver(STREAM) == {"sent": 1, "failed": 1}
    good.refresh_from_db()
    assert good.state == State.SENT


def test_a_refusal_that_comes_after_the_row_became_doubtful_settles_it() -> None:
    """A server may take ten minutes for its answer, and a lease lasts two."""
    [late] = attempts(1)
    Digest.objects.update(state=State.UNCERTAIN)
    commit(STREAM, [(late, REFUSED)], [])
    assert states() == [State.FAILED]


def test_a_refusal_settles_nothing_for_who_lost_the_row_to_another() -> None:
    [late] = attempts(1)
    Digest.objects.update(state=State.UNCERTAIN, lease="")
    commit(STREAM, [(late, REFUSED)], [])
    assert states() == [State.UNCERTAIN]
    assert outbox.release_expired(STREAM) == {}
