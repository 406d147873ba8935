"""Log lines of a message name its digest."""

from __future__ import annotations

import logging

import pytest

from newsletter.delivery import rendering, sender
from tests import smtpd
from tests.factories import a_digest, a_subscriber

pytestmark = pytest.mark.django_db(transaction=True)


def named(caplog: pytest.LogCaptureFixture, level: int) -> list[tuple[int, str]]:
    """The digest and the first words of each line that names one."""
    return [
        (vars(record)["digest"], record.getMessage())
        for record in caplog.records
        if hasattr(record, "digest") and record.levelno >= level
    ]


def test_what_did_not_leave_is_logged_and_in_debugging_what_did(
    server: smtpd.Server, caplog: pytest.LogCaptureFixture
) -> None:
    gone = a_digest(to=a_subscriber(email="gone@example.org"))
    sent = a_digest(to=a_subscriber(email="sent@example.org"))
    server.trouble = lambda phase, who: (
        "550 5.1.1 no such user" if phase == "rcpt" and who.startswith("gone") else ""
    )
    with caplog.at_level(logging.DEBUG, "newsletter.delivery"):
        sender.deliver(rendering.DIGESTS)
    [(digest, message)] = named(caplog, logging.INFO)
    assert digest == gone.pk
    assert message.startswith(f"digests {gone.pk}: final. ")
    assert (sent.pk, f"digests {sent.pk}: sent. ") in named(caplog, logging.DEBUG)
