"""The bytes that we join ourselves are those that Django and Python would write."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from email import message_from_bytes
from email.header import Header, decode_header, make_header
from email.message import Message
from typing import Any

import pytest
from anymail.message import AnymailMessage
from django.core.mail import BadHeaderError
from pytest_django import Settings

from newsletter.mail import messages, snapshots
from newsletter.mail.mime import (
    EncodedMessage,
    encode_text,
    has_long_line,
    header,
    smtp_data,
    stuff_dots,
)
from newsletter.models import Digest
from tests.factories import a_digest, a_paper, a_subscriber

pytestmark = pytest.mark.django_db
WORDS = "Über die Ränge, 字字字 and so on, "


def a_message(title: str, abstract: str) -> EncodedMessage:
    papers = [a_paper(title=title, abstract=abstract) for _ in range(3)]
    items = [
        {"paper": paper.canonical_id, "reason": "<new> & near", "slot": "personal", "score": 1.0}
        for paper in papers
    ]
    digest: Digest = a_digest(
        subscriber=a_subscriber(email="ada@example.org"),
        due_on=date(2025, 3, 11),
        created_at=datetime(2025, 3, 11, 8, 0, 5, tzinfo=UTC),
        items=items,
    )
    message: Any = messages.digest_message(digest, snapshots.cards_of(digest))
    assert isinstance(message, EncodedMessage)
    return message


def written_by_django(message: EncodedMessage) -> bytes:
    general: Any = message.message()
    written: bytes = general.as_bytes(linesep="\r\n")
    return written


@pytest.mark.parametrize(
    ("title", "abstract"),
    [
        ("Sparse attention", "Plain words. They say little."),
        (WORDS * 3, WORDS * 9),
        ("A line\nthat breaks", ".dots\r\n.at the start\rof lines"),
        ("From here to there", "From the start. " * 30),
        (".NET and others", ".dots wherever a line begins, " * 10),
    ],
)
@pytest.mark.parametrize("name", ["Paperboy", "Die Zeitung für Forschung"])
def test_our_bytes_are_those_of_django(
    settings: Settings, name: str, title: str, abstract: str
) -> None:
    settings.DEFAULT_FROM_EMAIL = f"{name} <digest@example.org>"
    message = a_message(title, abstract)
    joined = message.join_parts()
    assert joined is not None
    assert message.wire_bytes() == joined == written_by_django(message)
    assert message.smtp_data() == stuff_dots(written_by_django(message))


@pytest.mark.parametrize("text", ["", "one\ntwo", "one\r\n.two\r.three", ".", "Über\n\n"])
def test_encoded_text_can_be_decoded_and_tells_whether_it_needs_dot_stuffing(text: str) -> None:
    piece = encode_text(text)
    lines = piece.content.split(b"\r\n")
    assert piece.text == "\n".join(text.splitlines()) + ("\n" if text.endswith("\n") else "")
    assert b"\r" not in b"".join(lines)
    assert piece.needs_stuffing == any(line.startswith(b".") for line in lines)


@pytest.mark.parametrize("length", [997, 998, 999, 1000, 1001, 1999])
def test_a_line_is_long_from_999_bytes_on(length: int) -> None:
    for before in ("", "short\r\n", "x" * 998 + "\r\n"):
        for after in ("", "\r\n", "\r\nshort\r\n" * 3, "\r\n" + "x" * 998):
            content = f"{before}{'x' * length}{after}".encode()
            assert has_long_line(content) == (length > 998)


def test_the_parts_can_be_read_as_text_and_changed() -> None:
    message = a_message("Sparse attention", "Words.")
    before = message.wire_bytes()
    assert message.body == message.encoded_parts[0].content.decode().replace("\r\n", "\n")
    [(html, kind)] = message.alternatives
    assert (str(html)[:15], kind) == ("<!doctype html>", "text/html")
    assert not any(part.needs_stuffing for part in message.encoded_parts)
    assert message.wire_bytes() == before
    message.attach_alternative("BEGIN:VCALENDAR", "text/calendar")
    assert b"text/calendar" in message.wire_bytes()


@pytest.mark.parametrize(
    "change",
    [
        {"cc": ["b@example.org"]},
        {"reply_to": ["c@example.org"]},
        {"body": "x" * 999},
        {"encoding": "latin-1"},
        {"extra_headers": {"X-Only": "one"}},
        {"attachments": [("a.txt", "text", "text/plain")]},
    ],
)
def test_django_writes_a_message_of_any_other_shape(change: dict[str, Any]) -> None:
    message = a_message("Sparse attention", "Words.")
    for name, value in change.items():
        setattr(message, name, value)
    assert not message.has_digest_shape() or message.join_parts() is None
    assert b"ada@example.org" in message.wire_bytes()


def test_a_line_break_in_a_header_is_refused() -> None:
    message = a_message("Sparse attention", "Words.")
    message.subject = "Today\r\nBcc: everybody@example.org"
    with pytest.raises(BadHeaderError):
        message.wire_bytes()


@pytest.mark.parametrize("seed", range(5))
def test_subjects_in_any_alphabet_are_encoded_as_python_does_it(seed: int) -> None:
    chance = random.Random(seed)
    alphabets = ("abc deé", "a · b…", "字 a", "яю x", "=?_ \u00a0é", "😀 a")
    for _ in range(200):
        letters = chance.choices(chance.choice(alphabets), k=chance.randrange(1, 180))
        subject = "é" + "".join(letters)
        general = Header(subject, "utf-8", maxlinelen=75, header_name="Subject").encode()
        written = header("Subject", subject)
        assert written == f"Subject: {general}".replace("\n", "\r\n")
        assert max(map(len, written.split("\r\n"))) <= 76
        assert str(make_header(decode_header(general))) == subject


LONG_TITLE = "Modes of the Reissner-Nordström de Sitter black hole in four or more dimensions"


@pytest.mark.parametrize(
    "text", [LONG_TITLE, "é" * 200, "字" * 90, "x\u2028é" + "y" * 80, "a\u00a0b" * 40]
)
@pytest.mark.parametrize(
    ("name", "form"),
    [("Subject", "{}"), ("From", "{} <news@example.org>"), ("X-Note", "{}")],
)
def test_encoded_words_have_at_most_75_characters(name: str, form: str, text: str) -> None:
    words = header(name, form.format(text)).partition(": ")[2].split()
    encoded = [word for word in words if word.startswith("=?")]
    assert encoded
    assert max(map(len, encoded)) <= 75


def test_a_long_sender_name_is_the_same_in_both_ways_of_writing(settings: Settings) -> None:
    settings.DEFAULT_FROM_EMAIL = f"{LONG_TITLE} <digest@example.org>"
    message = a_message("Sparse attention", "Words.")
    assert message.wire_bytes() == written_by_django(message)
    parsed = message_from_bytes(message.wire_bytes())
    assert str(make_header(decode_header(parsed["From"]))) == settings.DEFAULT_FROM_EMAIL


@pytest.mark.parametrize("site", ["https://päpers.example", "https://论文.example:8443/日"])
def test_a_site_with_letters_of_its_own_is_in_a_labels_in_the_headers(
    settings: Settings, site: str
) -> None:
    settings.SITE_URL = site
    lines = a_message("Sparse attention", "Words.").wire_bytes().split(b"\r\n")
    [line] = [line for line in lines if line.startswith(b"List-Unsubscribe:")]
    assert line.startswith(b"List-Unsubscribe: <https://xn--")
    assert line.endswith(b">")
    assert b"=?" not in line


@pytest.mark.parametrize(
    ("title", "abstract"),
    [
        ("Über Schätzer", "Ein kurzer Text über Größen. " * 30),
        ("Plain", "Only ASCII."),
        ("Dots", ".Ünd Punkte = am Anfang \n.jeder Zeile \t " * 20),
    ],
)
def test_a_server_without_8bitmime_gets_seven_bits_with_the_same_meaning(
    title: str, abstract: str
) -> None:
    message = a_message(title, abstract)
    data = smtp_data(message, eight_bit=False)
    assert max(data) < 128
    assert max(map(len, data.split(b"\r\n"))) <= 998
    received = message_from_bytes(data.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n."))
    sent = message_from_bytes(message.wire_bytes())
    for one, other in zip(received.walk(), sent.walk(), strict=True):
        if not one.is_multipart():
            assert payload(one) == payload(other)
        headers = [dict(part.items()) for part in (one, other)]
        for found in headers:
            found.pop("Content-Transfer-Encoding", None)
        assert headers[0] == headers[1]


def payload(part: Message) -> bytes:
    decoded = part.get_payload(decode=True)
    assert isinstance(decoded, bytes)
    return decoded.replace(b"\r\n", b"\n")


def test_django_s_own_message_can_be_chosen(settings: Settings) -> None:
    ours = a_message("Über Schätzer", "Ein Text.")
    settings.DJANGO_MAIL = True
    digest = Digest.objects.get()
    message = messages.digest_message(digest, snapshots.cards_of(digest))
    assert type(message) is AnymailMessage
    assert (message.subject, message.body) == (ours.subject, ours.body)
    assert message.alternatives[0][0] == ours.alternatives[0][0]
    assert max(smtp_data(message, eight_bit=False)) < 128
