"""Bounces as mail: what a notification says, and what is none."""

from __future__ import annotations

import socket
from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.utils.timezone import now
from pytest_django import Settings

from newsletter.conf import env
from newsletter.conf.env import Mailbox
from newsletter.delivery import bounce_mailbox, bounces
from newsletter.delivery.bounce_meanings import BOUNCE_MAILBOX, Meaning, meaning_of
from newsletter.mail import bounce_reports
from newsletter.mail.return_paths import find_tag, return_path_of
from newsletter.models import DeliveryEvent, Digest, Notice, Subscriber
from tests import smtpd
from tests.factories import a_digest, a_paper, a_subscriber

pytestmark = pytest.mark.django_db(transaction=True)
ADDRESS = "bounce@papers.example.org"


def a_notification(
    to: str, status: str, diagnostic: str, action: str = "failed", header: str = "To"
) -> bytes:
    """A delivery status notification as Postfix writes it."""
    return f"""\
Return-Path: <>
Date: Wed, 11 Mar 2026 08:00:00 +0000
From: MAILER-DAEMON@mx.example.net (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
{header}: {to}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="A1/mx.example.net"

--A1/mx.example.net
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--A1/mx.example.net
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
X-Postfix-Queue-ID: 4B5C6D7E8F
Arrival-Date: Wed, 11 Mar 2026 07:59:58 +0000 (UTC)

Final-Recipient: rfc822; somebody@elsewhere.example
Original-Recipient: rfc822;ada@example.org
Action: {action}
Status: {status}
Remote-MTA: dns; mail.elsewhere.example
Diagnostic-Code: smtp; {diagnostic}

--A1/mx.example.net
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

From: Paperboy <digest@papers.example.org>
Subject: Sparse attention

--A1/mx.example.net--
""".replace("\n", "\r\n").encode()


def a_vacation(to: str) -> bytes:
    return (
        f"Return-Path: <>\r\nFrom: ada@example.org\r\nTo: {to}\r\nAuto-Submitted: auto-replied\r\n"
        "Subject: Out of office\r\n\r\nI am away. 550 5.1.1 is not a status here.\r\n"
    ).encode()


def a_human_answer(to: str) -> bytes:
    return f"From: ada@example.org\r\nTo: {to}\r\nSubject: Re: papers\r\n\r\nThanks!\r\n".encode()


@pytest.fixture(autouse=True)
def bounce_address(settings: Settings) -> None:
    settings.BOUNCE_ADDRESS = ADDRESS


def test_a_return_path_names_its_row_and_no_other() -> None:
    digest = a_digest()
    notice = Notice.objects.create(subscriber=digest.subscriber, kind="manage")
    for row in (digest, notice):
        path = return_path_of(row)
        assert path.endswith("@papers.example.org")
        assert len(path.partition("@")[0]) <= 64
        for written in (path, path.upper(), f"<{path}>", f"Bounces <{path}>"):
            tag = find_tag(written)
            assert tag is not None
            assert tag.model.objects.get(public_id=tag.public_id) == row
    assert find_tag(ADDRESS) is None
    assert find_tag("bounce+d123@papers.example.org") is None


@pytest.mark.parametrize("header", ["To", "Delivered-To", "X-Original-To", "Envelope-To"])
def test_a_notification_is_read_whatever_header_names_the_return_path(header: str) -> None:
    digest = a_digest()
    raw = a_notification(
        return_path_of(digest), "5.1.1", "550 5.1.1 <ada@example.org>: unknown", header=header
    )
    [report] = bounce_reports.parse(raw)
    assert report.tag.public_id == digest.public_id
    assert (report.action, report.status) == ("failed", "5.1.1")
    assert report.diagnostic == "550 5.1.1 <ada@example.org>: unknown"


def test_a_notification_of_several_recipients_is_read_whole_and_one_without_a_reply_too() -> None:
    path = return_path_of(a_digest())
    block = b"Final-Recipient: rfc822; b@example.org\r\nAction: Failed\r\nStatus: 5.2.2\r\n\r\n"
    raw = a_notification(path, "5.1.1", "x").replace(
        b"\r\n\r\n--A1/mx.example.net\r\nContent-Description: Undelivered",
        b"\r\n\r\n" + block + b"--A1/mx.example.net\r\nContent-Description: Undelivered",
    )
    found = [(report.action, report.status) for report in bounce_reports.parse(raw)]
    assert found == [("failed", "5.1.1"), ("failed", "5.2.2")]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe\x00",
        b"To: bounce+d\r\n\r\n",
        b"Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\n--x--",
        a_human_answer(ADDRESS),
        a_notification(ADDRESS, "5.1.1", "550 5.1.1 unknown"),
        b"To: " + b"<" * 100_000,
        b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"--a\r\n" * 20_000,
    ],
)
def test_what_is_no_notification_of_ours_says_nothing(raw: bytes) -> None:
    assert bounce_reports.parse(raw) == []


def test_an_automatic_answer_is_no_bounce() -> None:
    assert bounce_reports.parse(a_vacation(return_path_of(a_digest()))) == []


@pytest.mark.parametrize(
    ("status", "diagnostic", "meaning"),
    [
        ("5.1.1", "550 5.1.1 user unknown", Meaning.HARD),
        ("5.1.2", "host not found", Meaning.HARD),
        ("5.0.0", "550 No such user here", Meaning.HARD),
        ("5.2.1", "550 mailbox disabled", Meaning.HARD),
        ("5.2.2", "552 5.2.2 over quota", Meaning.SOFT),
        ("4.4.1", "connect timed out", Meaning.SOFT),
        ("4.2.2", "452 4.2.2 full", Meaning.SOFT),
        ("5.4.4", "unable to route", Meaning.SOFT),
        ("5.7.1", "554 5.7.1 blocked by policy", Meaning.POLICY),
        ("5.0.0", "550 5.7.1 relaying denied", Meaning.POLICY),
        ("5.1.8", "550 5.1.8 sender rejected", Meaning.POLICY),
    ],
)
def test_a_notification_means_what_its_codes_say(
    status: str, diagnostic: str, meaning: Meaning
) -> None:
    [report] = bounce_reports.parse(a_notification(return_path_of(a_digest()), status, diagnostic))
    event = DeliveryEvent(
        provider=BOUNCE_MAILBOX, description=report.text, payload={"action": report.action}
    )
    assert meaning_of(event) == meaning


def test_each_mail_leaves_with_a_return_path_of_its_own(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "newsletter.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    a_paper()
    people = [a_subscriber() for _ in range(3)]
    with smtpd.running() as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        server.keep = True
        call_command("send_digests")
    assert sorted(recipient for recipient, _ in server.taken) == sorted(
        person.email for person in people
    )
    expected = {return_path_of(digest) for digest in Digest.objects.all()}
    assert set(server.senders) == expected
    assert all(b"bounce+" not in body for body in server.bodies)


def test_a_mailbox_that_does_not_answer_is_logged_and_asked_again(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    assert bounce_mailbox.read() == 0
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        settings.BOUNCE_MAILBOX = Mailbox(
            "127.0.0.1", closed.getsockname()[1], "bounce", "secret", "INBOX"
        )
        assert bounce_mailbox.read() == 0
    assert "cannot be read" in caplog.text
    assert "secret" not in caplog.text


def test_the_mailbox_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "imaps://bounce%40example.org:p%2Fss@imap.example.org/Bounces")
    mailbox = env.mailbox("X")
    assert mailbox == Mailbox("imap.example.org", 993, "bounce@example.org", "p/ss", "Bounces")
    assert env.bounce_address(mailbox, "News <n@example.org>") == "bounce@example.org"
    monkeypatch.setenv("X", "imaps://bounce:secret@imap.example.org:1993")
    mailbox = env.mailbox("X")
    assert mailbox == Mailbox("imap.example.org", 1993, "bounce", "secret", "INBOX")
    assert env.bounce_address(mailbox, "News <n@example.org>") == "bounce@example.org"
    monkeypatch.delenv("X")
    assert env.mailbox("X") is None
    assert env.bounce_address(None, "News <n@example.org>") == ""


@pytest.mark.parametrize(
    "value", ["imap://u:p@host/", "imaps://host/", "imaps://u@host", "imaps://u:p@host:x/", "x"]
)
def test_what_is_no_mailbox_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("X", value)
    with pytest.raises(ImproperlyConfigured, match="imaps://user:password@host/INBOX"):
        env.mailbox("X")


def test_a_bounce_without_end_suppresses_after_six_days() -> None:
    digest = a_digest(state=Digest.State.SENT)
    for day in range(6):
        DeliveryEvent.objects.create(
            provider=BOUNCE_MAILBOX,
            event_key=str(day),
            type="bounced",
            digest=digest,
            description="452 4.2.2 mailbox full",
            payload={"action": "failed"},
            occurred_at=now() - timedelta(days=6 - day),
        )
        bounces.process()
        digest.subscriber.refresh_from_db()
        expected = Subscriber.Status.SUPPRESSED if day == 5 else Subscriber.Status.ACTIVE
        assert digest.subscriber.status == expected
