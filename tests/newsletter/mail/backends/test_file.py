"""The folder mailbox: what was sent is there, whole, in order, and readable however broken."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection

from newsletter.mail.backends import file as mailbox

BACKEND = "newsletter.mail.backends.file.EmailBackend"


def letter(subject: str = "Hello", to: str = "ada@example.org") -> EmailMultiAlternatives:
    message = EmailMultiAlternatives(subject, "Grüße\n\nPlain.", "paperboy@example.org", [to])
    message.attach_alternative("<p>Grüße</p>", "text/html")
    return message


def test_a_message_becomes_one_file_as_an_smtp_server_would_get_it(tmp_path: Path) -> None:
    assert get_connection(BACKEND).send_messages([letter(), letter("Second")]) == 2
    files = sorted((tmp_path / "mail").iterdir())
    assert [file.suffix for file in files] == [".eml", ".eml"]
    raw = files[0].read_bytes()
    assert raw.count(b"\n") == raw.count(b"\r\n") > 10
    assert "Grüße".encode() in raw


def test_names_sort_by_time_and_the_newest_is_listed_first() -> None:
    connection = get_connection(BACKEND)
    for number in range(5):
        connection.send_messages([letter(f"Mail {number}")])
    subjects = [mailbox.read(name).subject for name in mailbox.names()]
    assert subjects == ["Mail 4", "Mail 3", "Mail 2", "Mail 1", "Mail 0"]


def test_a_message_without_a_recipient_is_not_written_and_not_counted() -> None:
    empty = EmailMultiAlternatives("Nobody", "text", "paperboy@example.org", [])
    assert get_connection(BACKEND).send_messages([empty, letter()]) == 1
    assert len(mailbox.names()) == 1


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("a file where the folder should be")
    with pytest.raises(mailbox.MailFolderError, match=r"cannot be written to .*mail .*EMAIL_URL"):
        get_connection(BACKEND).send_messages([letter()])
    assert get_connection(BACKEND, fail_silently=True).send_messages([letter()]) == 0
    assert mailbox.names() == []


def test_a_write_that_fails_half_way_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(mailbox.MailFolderError, match="No space left"):
        mailbox.write(b"Subject: x\r\n\r\n")
    assert list((tmp_path / "mail").iterdir()) == []


def test_both_parts_and_the_headers_come_back_decoded() -> None:
    get_connection(BACKEND).send_messages([letter("Ein Gruß")])
    stored = mailbox.read(mailbox.names()[0])
    assert (stored.subject, stored.to) == ("Ein Gruß", "ada@example.org")
    assert stored.text.startswith("Grüße")
    assert stored.html.strip() == "<p>Grüße</p>"


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\x00\xff\xfe not a message",
        b"Subject: =?x-unknown?q?a?=\r\nTo: <<<\r\nDate: never\r\n\r\nbody",
        b"Content-Type: text/html; charset=no-such\r\n\r\n<p>\xff</p>",
        b"Content-Type: multipart/alternative; boundary=\r\n\r\n--\r\n",
    ],
)
def test_a_broken_file_is_still_listed_and_read(tmp_path: Path, broken: bytes) -> None:
    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "broken.eml").write_bytes(broken)
    assert mailbox.names() == ["broken.eml"]
    assert mailbox.read("broken.eml").raw == broken


@pytest.mark.parametrize(
    "name", ["../secret.eml", "..", ".hidden.eml", "a/b.eml", "secret.txt", "link.eml", "gone.eml"]
)
def test_only_names_of_messages_are_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "mail").mkdir()
    (tmp_path / "secret.eml").write_text("Subject: secret\n\n")
    (tmp_path / "mail" / ".hidden.eml").write_text("Subject: secret\n\n")
    (tmp_path / "mail" / "link.eml").symlink_to(tmp_path / "secret.eml")
    with pytest.raises(FileNotFoundError):
        mailbox.read(name)
