"""``manage.py send_digests`` at a terminal: it shows how far it is, and Ctrl-C ends it in order."""

from __future__ import annotations

import io
import os
import signal
import sys
from datetime import timedelta

import pytest
from django.utils.timezone import now

from newsletter.models import Digest, Subscriber
from tests import smtpd
from tests.factories import a_digest, a_paper, a_subscriber
from tests.newsletter.management.test_send_digests import run
from tests.sink import Sink

pytestmark = pytest.mark.django_db(transaction=True)
State = Digest.State
PEOPLE = 150


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_stops_it_gets_the_balance_and_leaves_nothing_half_done(
    server: smtpd.Server, number: signal.Signals
) -> None:
    paper = a_paper()
    items = [{"paper": paper.canonical_id, "reason": "new", "slot": "trending", "score": 0.5}]
    for _ in range(PEOPLE):
        a_digest(items=items)
    Subscriber.objects.update(next_digest_at=now() + timedelta(days=1))
    handler = signal.getsignal(number)
    seen: list[str] = []

    def stop_after_ten(phase: smtpd.Phase, _who: str) -> str:
        seen.append(phase)
        if phase == "dot" and seen.count("dot") == 10:
            os.kill(os.getpid(), number)
        return ""

    server.trouble = stop_after_ten
    counts, said, status = run()
    assert (counts["due"], counts["uncertain"], status) == (PEOPLE, 0, 1)
    assert 10 <= counts["sent"] == len(server.taken) < PEOPLE
    assert set(Digest.objects.values_list("state", flat=True)) == {State.SENT, State.QUEUED}
    assert f"{counts['queued']} not sent yet and kept for the next run." in said
    assert signal.getsignal(number) == handler

    server.trouble = smtpd.calm
    assert run()[0]["sent"] == counts["queued"]
    assert server.duplicates == []


def test_a_terminal_is_shown_how_far_it_is(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    a_paper()
    for _ in range(3):
        a_subscriber()
    assert run()[0]["sent"] == 3
    assert "sending" in terminal.getvalue()
    assert "3/3" in terminal.getvalue()


@pytest.mark.parametrize("how", [(), ("--dry-run",)])
def test_a_person_for_whom_nothing_is_due_is_named(how: tuple[str, ...]) -> None:
    a_paper()
    tomorrow = now() + timedelta(days=1)
    early = a_subscriber(next_digest_at=tomorrow)
    pending = a_subscriber(status="pending", next_digest_at=None)
    for address, reason in (
        ("nobody@example.org", "Nobody with the address nobody@example.org is known."),
        (early.email, f"Nothing is due for {early.email} before {tomorrow:%Y-%m-%d %H:%M} UTC."),
        (pending.email, f"{pending.email} is pending confirmation and gets no digest."),
    ):
        counts, said, status = run("--to", address, *how)
        assert (counts["due"], said.strip(), status) == (0, reason, 0)
