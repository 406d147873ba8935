"""Uploaded lists: read by a dry run, taken in once, and gone on with where a worker stopped."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.utils.timezone import now

from newsletter.models import ImportPart, ImportResults, ListImport, Notice, Subscriber, Suppression
from newsletter.security import audit
from newsletter.subscriptions import csv_import, csv_repeats, list_imports
from tests.factories import a_subscriber

pytestmark = pytest.mark.django_db
State = ListImport.State
HEADER = "email,confirmed_at,consent_source\n"


def an_upload(
    text: str, *, name: str = "people.csv", kind: str = "subscribers", preset: str = "auto"
) -> ListImport:
    return list_imports.store(
        [text.encode()], name=name, kind=kind, preset=preset, uploaded_by="operator"
    )


def read(stored: ListImport, until: Callable[[], bool] = lambda: False) -> ListImport:
    list_imports.run_due(until)
    stored.refresh_from_db()
    return stored


def people(count: int) -> str:
    return HEADER + "".join(f"r{n}@example.org,2025-01-02T03:04Z,web\n" for n in range(count))


def start(stored: ListImport, *, send_confirmations: bool = False) -> bool:
    return list_imports.start(stored, send_confirmations=send_confirmations, started_by="operator")


def test_an_upload_is_checked_row_by_row_and_changes_nothing() -> None:
    a_subscriber(email="known@example.org", status=Subscriber.Status.UNSUBSCRIBED)
    stored = read(an_upload(people(2) + "known@example.org,,\nnobody,,\n"))

    assert stored.state == State.CHECKED
    assert stored.planned == {"created": 2, "refused": 2}
    assert list_imports.results_between(stored, "created", 0, 9) == [
        [2, "r0@example.org", "active"],
        [3, "r1@example.org", "active"],
    ]
    [left, broken] = list_imports.results_between(stored, "refused", 0, 9)
    assert left == [4, "known@example.org", csv_repeats.STAYS_AWAY]
    assert broken[:2] == [5, "nobody"]
    assert Subscriber.objects.count() == 1


def test_an_import_takes_in_what_was_checked_once() -> None:
    User.objects.create_user("operator")
    stored = read(an_upload(people(3)))
    assert start(stored)
    assert not start(stored), "a second click starts nothing"
    read(stored)

    assert stored.state == State.DONE
    assert stored.counts == {"created": 3}
    assert Subscriber.objects.filter(status=Subscriber.Status.ACTIVE).count() == 3
    entry = LogEntry.objects.get()
    assert entry.user.username == "operator"
    assert (
        entry.change_message == "imported: created=3 updated=0 unchanged=0 suppressed=0 refused=0"
    )


def test_a_foreign_export_is_recognised_and_its_columns_are_named() -> None:
    stored = read(an_upload("Email Address,First Name,OPTIN_TIME,LEID\na@example.org,Ada,,7\n"))

    assert stored.preset == "mailchimp"
    assert stored.mapping == {"email address": "email"}
    assert stored.unused == ["first name", "optin_time", "leid"]


def test_a_list_can_be_checked_again_as_the_export_of_another_service() -> None:
    stored = read(an_upload("email,status\na@example.org,blocklisted\n"))
    assert stored.planned == {"refused": 1}
    assert list_imports.check_again(stored, "listmonk")
    read(stored)
    assert stored.planned == {"suppressed": 1}
    assert ImportResults.objects.count() == 1


def test_confirmations_are_asked_for_at_a_steady_rate_when_the_operator_says_so() -> None:
    stored = read(an_upload("email\n" + "".join(f"r{n}@example.org\n" for n in range(3))))
    start(stored, send_confirmations=True)
    read(stored)
    times = list(
        Notice.objects.order_by("next_attempt_at").values_list("next_attempt_at", flat=True)
    )
    assert [later - earlier for earlier, later in itertools.pairwise(times)] == [
        csv_import.CONFIRMATION_INTERVAL
    ] * 2


def stop_after(calls: int) -> Callable[[], bool]:
    asked: Iterator[int] = itertools.count()
    return lambda: next(asked) > calls


@pytest.mark.parametrize("stops", [1, 3, 4])
def test_another_worker_goes_on_after_the_rows_that_are_stored(
    monkeypatch: pytest.MonkeyPatch, stops: int
) -> None:
    monkeypatch.setattr(csv_import, "ROWS_AT_ONCE", 2)
    stored = read(an_upload(people(5)))
    start(stored)
    read(stored, stop_after(stops))
    assert stored.state == State.IMPORTING
    assert Subscriber.objects.count() == stored.counts.get("created", 0) < 5
    read(stored)
    assert (stored.state, stored.counts) == (State.DONE, {"created": 5})
    assert len(list_imports.results_between(stored, "created", 0, 9)) == 5


def test_what_a_killed_worker_held_is_read_after_its_lease() -> None:
    stored = an_upload(people(2))
    ListImport.objects.update(lease="gone", lease_until=now() + timedelta(seconds=60))
    assert read(stored).state == State.CHECKING
    ListImport.objects.update(lease_until=now() - timedelta(seconds=1))
    assert read(stored).state == State.CHECKED


def test_a_worker_whose_lease_is_lost_stores_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_import, "ROWS_AT_ONCE", 1)
    stored = read(an_upload(people(3)))
    start(stored)

    def taken_over() -> bool:
        if Subscriber.objects.exists():
            ListImport.objects.update(lease="another", lease_until=now() + timedelta(seconds=60))
        return False

    read(stored, taken_over)
    assert (stored.state, stored.counts) == (State.IMPORTING, {"created": 1})
    assert Subscriber.objects.count() == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name\nAda\n", "people.csv has no column named email in its first line; add one."),
        ("email,email\na,b\n", "people.csv names a column twice: email; every column"),
        ("", "people.csv has no column named email"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(text: str, problem: str) -> None:
    stored = read(an_upload(text))
    assert stored.state == State.FAILED
    assert stored.problem.startswith(problem)


def test_a_list_of_suppressions_is_checked_and_taken_in() -> None:
    text = "Email Address,Reason\na@example.org,complaint\na@example.org,\nnobody,\n"
    stored = read(an_upload(text, kind="suppressions"))
    assert stored.planned == {"created": 1, "unchanged": 1, "refused": 1}
    assert not Suppression.objects.exists()
    start(stored)
    read(stored)
    assert stored.counts == stored.planned
    assert Suppression.objects.get().email_key == "a@example.org"


def test_files_and_results_are_forgotten_after_a_week() -> None:
    kept, old = read(an_upload(people(1))), read(an_upload(people(1)))
    ListImport.objects.filter(pk=old.pk).update(created_at=now() - timedelta(days=8))
    assert list_imports.delete_old(now()) == 1
    assert ListImport.objects.get() == kept
    assert set(ImportPart.objects.values_list("list_import", flat=True)) == {kept.pk}


def test_a_file_over_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_imports, "MAX_FILE_BYTES", 10)
    with pytest.raises(list_imports.FileTooLargeError):
        an_upload(people(1))
    assert not ListImport.objects.exists()


def test_what_the_command_line_does_has_an_account_that_cannot_log_in() -> None:
    for _ in range(2):
        audit.record(audit.COMMAND_LINE, "sent=2", "send_digests")
    account = User.objects.get()
    assert (account.username, account.is_active, account.is_staff) == ("command line", False, False)
    assert not account.has_usable_password()
