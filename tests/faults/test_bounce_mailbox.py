"""Bounces come back over a real IMAP server (Debian's dovecot) and suppress once."""

from __future__ import annotations

import imaplib
import os
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import OperationalError
from pytest_django import Settings

from newsletter.conf.env import Mailbox
from newsletter.delivery import bounce_mailbox, bounces
from newsletter.mail.return_paths import return_path_of
from newsletter.models import Digest, Subscriber, Suppression
from tests.factories import a_digest, a_subscriber
from tests.newsletter.mail.test_bounce_reports import a_human_answer, a_notification, a_vacation
from tests.newsletter.web.test_webhooks import failing
from tests.sink import free_port

DOVECOT = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
pytestmark = [
    pytest.mark.faults,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(DOVECOT is None, reason="needs Debian's dovecot-imapd"),
]
CONFIG = """\
protocols = imap
base_dir = {folder}/run
log_path = {folder}/log
ssl = required
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
mail_location = maildir:{folder}/mail
mail_uid = nobody
mail_gid = nogroup
first_valid_uid = 1
first_valid_gid = 1
default_login_user = nobody
default_internal_user = nobody
default_internal_group = nogroup
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/home
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {port}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


@pytest.fixture
def mailbox(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A dovecot of the test's own, whose certificate is trusted; yields its port."""
    port = free_port()
    folder = Path("/tmp") / f"paperboy-dovecot-{port}"  # Short enough for its sockets.
    folder.mkdir()
    for name in ("mail", "home"):
        (folder / name).mkdir()
        shutil.chown(folder / name, "nobody", "nogroup")
    key = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*key, *subject, *files], check=True, capture_output=True)
    (folder / "dovecot.conf").write_text(CONFIG.format(folder=folder, port=port))
    server = subprocess.Popen([str(DOVECOT), "-F", "-c", str(folder / "dovecot.conf")])
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "cert.pem"))
    settings.BOUNCE_MAILBOX = Mailbox("localhost", port, "bounce", "secret", "INBOX")
    settings.BOUNCE_ADDRESS = "bounce@papers.example.org"
    try:
        _wait_for(port)
        yield port
    finally:
        server.terminate()
        server.wait(20)
        shutil.rmtree(folder)


def _wait_for(port: int) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            login(port).logout()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
        else:
            return


def login(port: int) -> imaplib.IMAP4_SSL:
    imap = imaplib.IMAP4_SSL("localhost", port, ssl_context=ssl.create_default_context())
    imap.login("bounce", "secret")
    return imap


def deliver(port: int, *mails: bytes) -> None:
    imap = login(port)
    for mail in mails:
        assert imap.append("INBOX", "", "", mail)[0] == "OK"
    imap.logout()


def test_bounces_in_the_mailbox_suppress_and_settle_once(mailbox: int) -> None:
    gone = a_digest(subscriber=a_subscriber(), state=Digest.State.UNCERTAIN)
    full = a_digest(subscriber=a_subscriber(), state=Digest.State.SENT)
    late = a_digest(subscriber=a_subscriber(), state=Digest.State.SENT)
    away = a_digest(subscriber=a_subscriber(), state=Digest.State.SENT)
    hard = a_notification(return_path_of(gone), "5.1.1", "550 5.1.1 user unknown")
    deliver(
        mailbox,
        hard,
        hard,
        a_notification(return_path_of(full), "5.2.2", "552 5.2.2 mailbox full"),
        a_notification(return_path_of(late), "4.4.1", "connection timed out", action="delayed"),
        a_vacation(return_path_of(away)),
        a_human_answer("bounce@papers.example.org"),
        a_notification("bounce+d" + "0" * 32 + "@papers.example.org", "5.1.1", "550 5.1.1 x"),
    )
    assert bounce_mailbox.read() == 4
    assert bounce_mailbox.read() == 0
    assert bounces.process() == 3
    gone.refresh_from_db()
    assert gone.state == Digest.State.SENT
    assert Suppression.objects.get().email_key == gone.subscriber.email_key
    full.subscriber.refresh_from_db()
    assert full.subscriber.soft_bounce_score == 0.5
    others = Subscriber.objects.filter(pk__in=[late.subscriber_id, away.subscriber_id])
    assert set(others.values_list("status", "soft_bounce_score")) == {("active", 0.0)}


def test_a_mail_is_read_again_when_its_bounce_could_not_be_stored(mailbox: int) -> None:
    digest = a_digest(state=Digest.State.SENT)
    deliver(mailbox, a_notification(return_path_of(digest), "5.1.1", "550 5.1.1 user unknown"))
    with failing(OperationalError("gone"), "INSERT"), pytest.raises(OperationalError):
        bounce_mailbox.read()
    assert bounce_mailbox.read() == 1


def test_an_untrusted_certificate_or_a_wrong_password_reads_nothing(
    mailbox: int,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    digest = a_digest(state=Digest.State.SENT)
    deliver(mailbox, a_notification(return_path_of(digest), "5.1.1", "550 5.1.1 user unknown"))
    settings.BOUNCE_MAILBOX = settings.BOUNCE_MAILBOX._replace(password="wrong")
    assert bounce_mailbox.read() == 0
    settings.BOUNCE_MAILBOX = settings.BOUNCE_MAILBOX._replace(password="secret", folder="None")
    assert bounce_mailbox.read() == 0
    settings.BOUNCE_MAILBOX = settings.BOUNCE_MAILBOX._replace(folder="INBOX")
    with monkeypatch.context() as untrusting:
        untrusting.delenv("SSL_CERT_FILE")
        assert bounce_mailbox.read() == 0
    assert caplog.text.count("cannot be read") == 3
    assert "secret" not in caplog.text
    assert bounce_mailbox.read() == 1
