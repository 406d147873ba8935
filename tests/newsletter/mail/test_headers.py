"""The bytes of a digest as a mail server, a provider and the folder receive them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from email import message_from_bytes, policy
from typing import Any, cast

import pytest
import time_machine
from anymail.message import AnymailMessage
from django.core.mail import get_connection
from pytest_django import Settings

from newsletter.mail import cards, messages
from newsletter.mail.backends import file
from newsletter.models import Digest
from newsletter.security import tokens
from papers.models import Paper
from tests.factories import a_digest, a_paper, a_subscriber
from tests.sink import Sink

pytestmark = pytest.mark.django_db

FOLDER = "newsletter.mail.backends.file.EmailBackend"
LONG = "Über die Ränge, 字字字 and so on, " * 60


@pytest.fixture(autouse=True)
def production(settings: Settings) -> None:
    settings.SITE_URL = "https://papers.example.org"
    settings.SITE_NAME = "Die Zeitung für Forschung"
    settings.DEFAULT_FROM_EMAIL = "Die Zeitung für Forschung <digest@papers.example.org>"
    settings.POSTAL_ADDRESS = "Zeitung e.V., 1 Straße, 10115 Berlin"


@pytest.fixture
def digest() -> Digest:
    papers = [a_paper(title=LONG[:900], abstract=LONG, authors=["字" * 400] * 9) for _ in range(5)]
    items = [
        {"paper": p.canonical_id, "reason": LONG, "slot": "personal", "score": 1.0} for p in papers
    ]
    return a_digest(
        subscriber=a_subscriber(email="ada@example.org"),
        due_on=date(2025, 3, 11),
        created_at=datetime(2025, 3, 11, 8, 0, 5, tzinfo=UTC),
        items=items,
    )


def mail_of(digest: Digest) -> AnymailMessage:
    papers = Paper.objects.filter(canonical_id__in=[item["paper"] for item in digest.items])
    return messages.digest_message(digest, {p.canonical_id: cards.card_of(p) for p in papers})


def header_lines(raw: bytes) -> dict[str, list[str]]:
    """Header lines as they came, by lower-case name; a folded one keeps its line break."""
    head = raw.partition(b"\r\n\r\n")[0].decode("ascii")
    found: dict[str, list[str]] = {}
    for line in re.split(r"\r\n(?![ \t])", head):
        name, _, value = line.partition(": ")
        found.setdefault(name.lower(), []).append(value)
    return found


def test_a_mail_server_gets_the_headers_that_mailbox_providers_ask_for(
    sink: Sink, digest: Digest
) -> None:
    get_connection().send_messages([mail_of(digest)])
    headers = header_lines(sink.accepted[0])
    unsubscribe = tokens.url_for("unsubscribe", tokens.unsubscribe_token(digest.subscriber))
    assert len(unsubscribe) <= 70
    assert headers["list-unsubscribe"] == [f"<{unsubscribe}>"]
    assert headers["list-unsubscribe-post"] == ["List-Unsubscribe=One-Click"]
    assert headers["list-id"] == ["<digest.papers.example.org>"]
    assert headers["auto-submitted"] == ["auto-generated"]
    assert headers["feedback-id"] == ["20250311:daily:digest:papersexampleor"]
    [message_id] = headers["message-id"]
    assert re.fullmatch(r"<digest\.[0-9a-f]{32}@papers\.example\.org>", message_id)
    assert headers["date"] == ["Tue, 11 Mar 2025 08:00:05 +0000"]
    assert headers["to"] == ["ada@example.org"]
    assert all(len(values) == 1 for values in headers.values())


def test_no_line_is_too_long_and_only_names_and_subjects_hold_encoded_words(
    sink: Sink, digest: Digest
) -> None:
    get_connection().send_messages([mail_of(digest)])
    raw = sink.accepted[0]
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert raw.count(b"\n") == raw.count(b"\r\n")
    encoded = {name for name, values in header_lines(raw).items() if "=?" in values[0]}
    assert encoded == {"from", "subject"}
    [message] = sink.messages
    assert message.defects == []
    assert cast(Any, message["From"]).addresses[0].display_name == "Die Zeitung für Forschung"
    assert message["Subject"].startswith("Über die Ränge, 字字字")


def test_a_retry_is_the_same_bytes_whenever_it_happens(digest: Digest) -> None:
    first = mail_of(digest).message().as_bytes()
    with time_machine.travel("2026-01-01"):
        again = mail_of(Digest.objects.select_related("subscriber").get(pk=digest.pk))
        assert again.message().as_bytes() == first
        assert again.message().as_bytes() == first


def test_the_folder_holds_what_the_mail_server_gets(sink: Sink, digest: Digest) -> None:
    get_connection().send_messages([mail_of(digest)])
    get_connection(FOLDER).send_messages([mail_of(digest)])
    stored = file.read(file.names()[0])
    assert stored.raw.rstrip() == sink.accepted[0].rstrip()
    assert stored.html.startswith("<!doctype html>")


def test_a_provider_gets_the_digests_id_as_metadata_and_the_same_headers(
    digest: Digest, mailoutbox: list[Any]
) -> None:
    get_connection("anymail.backends.test.EmailBackend").send_messages([mail_of(digest)])
    sent = mailoutbox[-1].anymail_test_params
    assert sent["metadata"] == {"digest": str(digest.public_id)}
    assert sent["tags"] == ["digest"]
    assert sent["extra_headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert sent["extra_headers"]["Message-ID"].startswith("<digest.")
    assert [address.addr_spec for address in sent["to"]] == ["ada@example.org"]
    assert sent["html_body"].startswith("<!doctype html>")
    assert sent["text_body"]


def test_nothing_in_the_stream_identifier_is_about_the_person(digest: Digest) -> None:
    other = a_digest(due_on=digest.due_on, items=digest.items)
    mine, theirs = (mail_of(one).extra_headers["Feedback-ID"] for one in (digest, other))
    assert mine == theirs
    assert len(mine.split(":")) <= 4
    assert 5 <= len(mine.rpartition(":")[2]) <= 15


def test_a_domain_with_an_umlaut_is_written_in_ascii(settings: Settings, digest: Digest) -> None:
    settings.DEFAULT_FROM_EMAIL = "Zeitung <digest@bücher.example>"
    raw = mail_of(digest).message().as_bytes()
    message = message_from_bytes(raw, policy=policy.default)
    assert message["List-Id"] == "<digest.xn--bcher-kva.example>"
    assert message["Message-ID"].endswith("@xn--bcher-kva.example>")
