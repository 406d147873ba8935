"""The quick road to a message's bytes and the general one are the same road."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from email.header import Header
from typing import Any

import pytest
from django.core.mail import BadHeaderError
from pytest_django import Settings

from newsletter.mail import messages, snapshots
from newsletter.mail.mime import PrintedMessage, has_long_line, header, printed, stuffed
from newsletter.models import Digest
from tests.factories import a_digest, a_paper, a_subscriber

pytestmark = pytest.mark.django_db
WORDS = "Über die Ränge, 字字字 and so on, "


def a_message(title: str, abstract: str) -> PrintedMessage:
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
    message: Any = messages.digest_message(digest, snapshots.of(digest))
    assert isinstance(message, PrintedMessage)
    return message


def generally(message: PrintedMessage) -> bytes:
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
def test_both_roads_write_the_same_bytes(
    settings: Settings, name: str, title: str, abstract: str
) -> None:
    settings.DEFAULT_FROM_EMAIL = f"{name} <digest@example.org>"
    message = a_message(title, abstract)
    quick = message._quickly()
    assert quick is not None
    assert message.wire() == quick == generally(message)
    assert message.data() == stuffed(generally(message))


@pytest.mark.parametrize("text", ["", "one\ntwo", "one\r\n.two\r.three", ".", "Über\n\n"])
def test_what_is_printed_can_be_read_again_and_says_whether_it_has_dots(text: str) -> None:
    piece = printed(text)
    lines = piece.content.split(b"\r\n")
    assert piece.text == "\n".join(text.splitlines()) + ("\n" if text.endswith("\n") else "")
    assert b"\r" not in b"".join(lines)
    assert piece.dotted == any(line.startswith(b".") for line in lines)


@pytest.mark.parametrize("length", [997, 998, 999, 1000, 1001, 1999])
def test_a_line_is_long_from_999_bytes_on(length: int) -> None:
    for before in ("", "short\r\n", "x" * 998 + "\r\n"):
        for after in ("", "\r\n", "\r\nshort\r\n" * 3, "\r\n" + "x" * 998):
            content = f"{before}{'x' * length}{after}".encode()
            assert has_long_line(content) == (length > 998)


def test_who_looks_at_the_parts_gets_them_as_text_and_may_change_them() -> None:
    message = a_message("Sparse attention", "Words.")
    before = message.wire()
    assert message.body == message.prints[0].content.decode().replace("\r\n", "\n")
    [(html, kind)] = message.alternatives
    assert (str(html)[:15], kind) == ("<!doctype html>", "text/html")
    assert not any(part.dotted for part in message.prints)
    assert message.wire() == before
    message.attach_alternative("BEGIN:VCALENDAR", "text/calendar")
    assert b"text/calendar" in message.wire()


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
def test_what_is_unusual_takes_the_general_road(change: dict[str, Any]) -> None:
    message = a_message("Sparse attention", "Words.")
    for name, value in change.items():
        setattr(message, name, value)
    assert not message._is_usual() or message._quickly() is None
    assert b"ada@example.org" in message.wire()


def test_a_line_break_in_a_header_is_refused_on_the_quick_road_too() -> None:
    message = a_message("Sparse attention", "Words.")
    message.subject = "Today\r\nBcc: everybody@example.org"
    with pytest.raises(BadHeaderError):
        message.wire()


@pytest.mark.parametrize("seed", range(5))
def test_subjects_in_any_alphabet_are_encoded_as_python_does_it(seed: int) -> None:
    chance = random.Random(seed)
    alphabets = ("abc deé", "a · b…", "字 a", "яю x", "=?_ \u00a0é", "😀 a")
    for _ in range(200):
        letters = chance.choices(chance.choice(alphabets), k=chance.randrange(1, 180))
        subject = "é" + "".join(letters)
        general = str(Header(subject, "utf-8").encode()).replace("\n", "\r\n")
        assert header("Subject", subject) == f"Subject: {general}"
