"""One audit log: what is done in the admin, on the command line, at log-in, and by the service."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from newsletter.admin import site
from newsletter.delivery import streams
from newsletter.models import Suppression
from newsletter.security import audit, throttle
from newsletter.subscriptions import privacy, suppressions
from papers.admin.base import url_of, url_of_list
from tests.factories import a_subscriber

pytestmark = pytest.mark.django_db
LOG_IN = {"username": "operator", "password": "open sesame 42", "next": "/admin/"}


@pytest.fixture
def operator(settings: Settings) -> User:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return User.objects.create_superuser("operator", password="open sesame 42")


def lines() -> list[tuple[str, str, str]]:
    """Who did what to what, the oldest first."""
    entries = LogEntry.objects.order_by("pk").select_related("user")
    return [(one.user.username, one.object_repr, one.change_message) for one in entries]


def import_file(folder: Path) -> None:
    file = folder / "people.csv"
    file.write_text("email\na@example.org\n")
    call_command("import_subscribers", file)


def export_file(folder: Path) -> None:
    call_command("export_subscribers", out=folder / "people.csv")


def lift_one(_folder: Path) -> None:
    suppressions.suppress("b@example.org", Suppression.Reason.MANUAL)
    call_command("suppressions", "--lift", "b@example.org")


def lift_many(_folder: Path) -> None:
    call_command("suppressions", "--lift-where", "domain=example.org")


def export_suppressions(folder: Path) -> None:
    call_command("suppressions", "--export", folder / "list.csv")


def import_suppressions(folder: Path) -> None:
    file = folder / "list.csv"
    file.write_text("email\nc@example.org\n")
    call_command("suppressions", "--import", file)


def send(_folder: Path) -> None:
    call_command("send_digests")


CREATED = "created=1 updated=0 unchanged=0 suppressed=0 refused=0"
BALANCE = "send_digests: due=0 sent=0 failed=0 uncertain=0 skipped=0 cancelled=0 queued=0"


@pytest.mark.parametrize(
    ("run", "subject", "message"),
    [
        (import_file, "import_subscribers people.csv", CREATED),
        (export_file, "export_subscribers", "subscribers=0"),
        (lift_one, "b@example.org", "suppression lifted"),
        (lift_many, "suppressions --lift-where domain=example.org", "lifted=0 unknown=0"),
        (export_suppressions, "suppressions --export", "suppressed=0"),
        (import_suppressions, "suppressions --import list.csv", "created=1 unchanged=0 refused=0"),
        (send, "send_digests", BALANCE),
    ],
)
def test_a_command_leaves_a_line(
    tmp_path: Path, run: Callable[[Path], None], subject: str, message: str
) -> None:
    run(tmp_path)
    assert lines() == [("command line", subject, message)]


@pytest.mark.parametrize(
    "arguments",
    [("send_digests", "--dry-run"), ("suppressions", "--lift-where", "domain=x.org", "--dry-run")],
)
def test_a_dry_run_leaves_none(arguments: tuple[str, ...]) -> None:
    call_command(*arguments)
    assert not LogEntry.objects.exists()


def test_after_restore_and_the_streams_that_it_stops_are_recorded() -> None:
    call_command("after_restore", since="2025-01-01")
    assert [(who, what) for who, what, _ in lines()] == [
        ("command line", "notices"),
        ("command line", "digests"),
        ("command line", "after_restore --since 2025-01-01"),
    ]


def test_a_breaker_that_stops_a_stream_is_recorded_once_and_so_is_its_start() -> None:
    for _ in range(2):
        streams.pause("digests", "Too many complaints.")
    streams.resume("digests", by="nobody")
    assert lines() == [
        ("service", "digests", "paused: Too many complaints."),
        ("service", "digests", "resumed"),
    ]


def test_log_ins_are_recorded_whether_they_succeed_or_fail(client: Client, operator: User) -> None:
    client.post("/admin/login/", LOG_IN | {"password": "guess"})
    client.post("/admin/login/", LOG_IN)
    assert lines() == [
        ("service", "from 127.0.0.0/24", "log-in failed"),
        ("operator", "operator", "logged in from 127.0.0.0/24"),
    ]


def test_a_flood_of_failed_log_ins_does_not_fill_the_log(
    client: Client, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "RECORDED_FAILURES", throttle.Limit("few", 2, throttle.HOUR))
    for number in range(4):
        client.post("/admin/login/", LOG_IN | {"username": f"n{number}", "password": "guess"})
    assert LogEntry.objects.count() == 2


def test_all_of_it_stands_in_one_list(client: Client, operator: User) -> None:
    client.post("/admin/login/", LOG_IN)
    streams.pause("digests", "Too many complaints.")
    call_command("send_digests")
    page = client.get(url_of_list(LogEntry)).content.decode()
    words = " ".join(re.sub(r"<[^>]*>", " ", page).split())
    for told in ("logged in from 127.0.0.0/24", "paused: Too many complaints.", BALANCE):
        assert told in words


def test_the_accounts_of_commands_and_service_can_be_neither_used_nor_deleted(
    client: Client, operator: User
) -> None:
    audit.record(audit.COMMAND_LINE, "sent=2", "send_digests")
    client.force_login(operator)
    account = User.objects.get(username="command line")
    form = {"username": "command line", "is_active": "on"}
    assert client.post(url_of(account), form).status_code == 403
    gone = f"{url_of(account).removesuffix('change/')}delete/"
    assert client.post(gone, {"post": "yes"}).status_code == 403
    assert not client.login(username="command line", password="!")


def test_an_erased_person_leaves_no_name_in_the_log_of_commands() -> None:
    person = a_subscriber(email="ada@example.org")
    suppressions.suppress(person.email, Suppression.Reason.MANUAL)
    call_command("suppressions", "--lift", "ada@example.org")
    privacy.erase(person)
    assert lines() == [("command line", "erased address", "")]
