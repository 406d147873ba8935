"""What a mail server says after the final dot decides whether it has the message."""

from __future__ import annotations

import pytest
from django.utils.timezone import now

from newsletter.delivery import connections, rendering, sender
from newsletter.mail.errors import SendStatus
from newsletter.models import Digest
from tests import smtpd
from tests.factories import a_digest
from tests.newsletter.mail.backends.test_smtp import a_message

State = Digest.State


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("250 taken", SendStatus.SENT),
        ("251 will forward", SendStatus.SENT),
        ("252 taken, I think", SendStatus.SENT),
        ("299 taken", SendStatus.SENT),
        ("421 4.3.2 closing", SendStatus.RETRY),
        ("452 4.3.1 no room", SendStatus.RETRY),
        ("554 5.6.0 no", SendStatus.RETRY),
        ("150 wait", SendStatus.UNCERTAIN),
        ("354 go on", SendStatus.UNCERTAIN),
        ("600 who knows", SendStatus.UNCERTAIN),
        ("hello", SendStatus.UNCERTAIN),
        ("2", SendStatus.UNCERTAIN),
        ("x" * 70_000, SendStatus.UNCERTAIN),
    ],
    ids=lambda value: value[:9],
)
def test_the_first_digit_of_the_last_answer_decides(
    server: smtpd.Server, answer: str, status: SendStatus
) -> None:
    server.trouble = lambda phase, _who: answer if phase == "dot" else ""
    assert connections.send_single(a_message()).status == status


def test_a_line_without_an_end_is_no_reason_to_give_a_message_up(server: smtpd.Server) -> None:
    server.trouble = lambda phase, _who: "x" * 70_000 if phase == "mail" else ""
    assert connections.send_single(a_message()).status == SendStatus.RETRY


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("answer", "state"), [("251 will forward", State.SENT), ("hello", State.UNCERTAIN)]
)
def test_a_digest_that_may_have_been_taken_never_leaves_again(
    server: smtpd.Server, answer: str, state: str
) -> None:
    digests = [a_digest() for _ in range(3)]
    asked: list[str] = []

    def odd(phase: smtpd.Phase, who: str) -> str:
        if phase == "dot":
            asked.append(who)
        return answer if (phase, who) == ("dot", digests[1].subscriber.email) else ""

    server.trouble = odd
    for _ in range(3):
        Digest.objects.filter(state=State.QUEUED).update(next_attempt_at=now())
        sender.deliver(rendering.DIGESTS)
    assert sorted(asked) == sorted(digest.subscriber.email for digest in digests)
    states = Digest.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == [State.SENT, state, State.SENT]
