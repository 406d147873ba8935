"""One digest is one message, whichever mail backend carries it."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from django.core import mail
from pytest_django import Settings

from newsletter.delivery import rendering, sender
from newsletter.models import Digest
from tests.factories import a_digest, a_paper, a_subscriber
from tests.sink import Sink

pytestmark = pytest.mark.django_db(transaction=True)
ABSTRACT = "Über Ränge & <Namen>.\n.Eine Zeile mit Punkt. " * 8
HEADERS = (
    *("Subject", "From", "To", "Date", "Message-ID", "List-Id", "List-Unsubscribe"),
    *("List-Unsubscribe-Post", "Auto-Submitted", "Feedback-ID"),
)


@pytest.fixture
def digest() -> Digest:
    papers = [a_paper(title=f"Größe {number}", abstract=ABSTRACT) for number in range(3)]
    items = [
        {"paper": p.canonical_id, "reason": "near “x”", "slot": "personal", "score": 1.0}
        for p in papers
    ]
    return a_digest(subscriber=a_subscriber(email="ada@example.org"), items=items)


def send_by(backend: str, digest: Digest, settings: Settings) -> None:
    """Send the digest once more, as if for the first time."""
    settings.EMAIL_BACKEND = backend
    Digest.objects.update(state=Digest.State.QUEUED, attempts=0, cards="", message_id="")
    assert sender.deliver(rendering.DIGESTS) == {"sent": 1}


def parts(message: EmailMessage) -> dict[str, str]:
    found = {name: str(message[name]) for name in HEADERS}
    for part in message.walk():
        if not part.is_multipart():
            text = part.get_content().replace("\r\n", "\n")
            found[part.get_content_type()] = text.removesuffix("\n")
    return found


def test_the_quick_road_and_django_s_own_give_one_message(
    sink: Sink, settings: Settings, digest: Digest
) -> None:
    send_by("newsletter.mail.backends.smtp.EmailBackend", digest, settings)
    send_by("django.core.mail.backends.smtp.EmailBackend", digest, settings)
    send_by("django.core.mail.backends.locmem.EmailBackend", digest, settings)
    quick, general = sink.messages
    kept: Any = mail.outbox[0].message()
    memory = message_from_bytes(kept.as_bytes(), policy=policy.default)
    assert isinstance(memory, EmailMessage)
    assert parts(quick) == parts(general) == parts(memory)
    assert len(parts(quick)) == len(HEADERS) + 2


def test_a_provider_is_told_what_the_mail_server_gets(
    sink: Sink, settings: Settings, digest: Digest
) -> None:
    send_by("newsletter.mail.backends.smtp.EmailBackend", digest, settings)
    send_by("anymail.backends.test.EmailBackend", digest, settings)
    wire = parts(sink.messages[0])
    sent: Any = mail.outbox[-1]
    told = sent.anymail_test_params
    assert told["subject"] == wire["Subject"]
    assert told["text_body"].rstrip() == wire["text/plain"].rstrip()
    assert told["html_body"].rstrip() == wire["text/html"].rstrip()
    for name in ("Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID"):
        assert told["extra_headers"][name] == wire[name]
