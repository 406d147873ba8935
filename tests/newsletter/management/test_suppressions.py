"""The command that lists, lifts, exports and imports suppressed addresses."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils.timezone import now

from newsletter.models import Consent, Digest, Subscriber, Suppression
from newsletter.security import email_addresses
from newsletter.subscriptions import consent_log, privacy, suppressions
from newsletter.subscriptions import service as subscriptions
from tests.factories import a_digest, a_subscriber

pytestmark = pytest.mark.django_db
Status = Subscriber.Status
Reason = Suppression.Reason
WEB = consent_log.ActionOrigin("test")


def run(*words: str, status: int = 0) -> str:
    """Return the last line of the command's standard output."""
    out = StringIO()
    ended = pytest.raises(SystemExit) if status else nullcontext()
    with ended as end:
        call_command("suppressions", *words, stdout=out, stderr=StringIO())
    assert status == (end.value.code if end else 0)
    return out.getvalue().strip().splitlines()[-1]


def a_suppressed(email: str, reason: str = Reason.HARD_BOUNCE, detail: str = "") -> Subscriber:
    subscriber = a_subscriber(email=email)
    suppressions.suppress(email, reason, detail)
    return subscriber


def test_the_list_says_address_reason_time_and_the_answer() -> None:
    a_suppressed("a@example.org", detail="550 5.1.1 no such user")
    out = StringIO()
    call_command("suppressions", stdout=out)
    line, last = out.getvalue().splitlines()
    assert line.split("  ")[:2] == ["a@example.org", "hard_bounce"]
    assert line.endswith("550 5.1.1 no such user")
    assert last == "suppressed=1"


def test_who_is_lifted_is_active_again_with_a_due_time() -> None:
    subscriber = a_suppressed("a@example.org")
    assert run("--lift", "A@example.org") == "lifted=1 unknown=0"
    subscriber.refresh_from_db()
    assert subscriber.status == Status.ACTIVE
    assert subscriber.next_digest_at
    assert subscriber.next_digest_at > now()
    assert not Suppression.objects.exists()


def test_who_is_lifted_is_again_what_they_were() -> None:
    paused, gone, pending = (a_subscriber(email=f"{name}@example.org") for name in "abc")
    subscriptions.pause(paused, now() + timedelta(days=7), WEB)
    subscriptions.unsubscribe(gone, WEB)
    Subscriber.objects.filter(pk=pending.pk).update(status="pending", confirmed_at=None)
    for subscriber in (paused, gone, pending):
        suppressions.suppress(subscriber.email, Reason.HARD_BOUNCE)
    assert run("--lift-where", "reason=hard_bounce") == "lifted=3 unknown=0"
    found = dict(Subscriber.objects.values_list("email", "status"))
    assert found == {
        "a@example.org": "paused",
        "b@example.org": "unsubscribed",
        "c@example.org": "pending",
    }
    assert Subscriber.objects.get(status="paused").paused_until


def test_the_consent_log_keeps_why_an_address_was_suppressed_and_lifted() -> None:
    subscriber = a_suppressed("a@example.org", detail="550 5.1.1 no such user")
    run("--lift", "a@example.org")
    suppressed, lifted = Consent.objects.filter(subscriber=subscriber).order_by("pk")
    assert (suppressed.action, lifted.action) == ("suppress", "lift")
    assert suppressed.choices == {"reason": "hard_bounce", "detail": "550 5.1.1 no such user"}
    assert lifted.choices["detail"] == "550 5.1.1 no such user"
    assert lifted.form == "command suppressions"


def test_conditions_must_all_fit() -> None:
    for name, domain, reason, day in (
        ("a", "big.example", Reason.HARD_BOUNCE, 1),
        ("b", "big.example", Reason.HARD_BOUNCE, 5),
        ("c", "big.example", Reason.COMPLAINT, 1),
        ("d", "notbig.example", Reason.HARD_BOUNCE, 1),
    ):
        a_suppressed(f"{name}@{domain}", reason)
        Suppression.objects.filter(email_key__startswith=f"{name}@").update(
            created_at=datetime(2025, 3, day, 12, tzinfo=UTC)
        )
    words = ("reason=hard_bounce", "domain=BIG.example", "since=2025-03-01", "until=2025-03-02")
    assert run("--lift-where", *words, "--dry-run") == "lifted=1 unknown=0"
    assert Suppression.objects.count() == 4
    assert run("--lift-where", *words) == "lifted=1 unknown=0"
    left = Suppression.objects.order_by("email_key").values_list("email_key", flat=True)
    assert list(left) == ["b@big.example", "c@big.example", "d@notbig.example"]


def test_erasures_are_lifted_only_when_they_are_named() -> None:
    privacy.erase(a_subscriber(email="a@example.org"))
    assert run("--lift-where", "since=2020-01-01") == "lifted=0 unknown=0"
    assert run("--lift", "a@example.org") == "lifted=1 unknown=0"


def test_an_address_that_is_not_suppressed_is_unknown() -> None:
    assert run("--lift", "a@example.org", status=1) == "lifted=0 unknown=1"


@pytest.mark.parametrize(
    "condition", ["reason", "reason=", "color=red", "reason=bad", "since=soon", "until=2025-13-01"]
)
def test_a_condition_that_cannot_be_used_is_refused(condition: str) -> None:
    with pytest.raises(CommandError) as error:
        call_command("suppressions", "--lift-where", condition)
    assert error.value.returncode == 2


def test_many_are_lifted_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suppressions, "ADDRESSES_AT_ONCE", 2)
    for number in range(5):
        a_suppressed(f"r{number}@example.org")
    assert run("--lift-where", "domain=example.org") == "lifted=5 unknown=0"
    assert set(Subscriber.objects.values_list("status", flat=True)) == {"active"}


def test_export_and_import_make_the_same_list_again(tmp_path: Path) -> None:
    a_suppressed("a@example.org", Reason.COMPLAINT, "=cmd(); ‘,’")
    a_suppressed("b@example.org", Reason.MANUAL)
    privacy.erase(a_subscriber(email="c@example.org"))
    fields = ("email_key", "reason", "detail", "created_at", "address_hash")
    before = list(Suppression.objects.order_by("address_hash").values_list(*fields))
    file = tmp_path / "list.csv"
    assert run("--export", str(file)) == "suppressed=3"
    assert "c@example.org" not in file.read_text()
    assert "'=cmd" in file.read_text()
    assert run("--import", str(file)) == "created=0 unchanged=3 refused=0"
    Suppression.objects.all().delete()
    assert run("--import", str(file), "--dry-run") == "created=3 unchanged=0 refused=0"
    assert not Suppression.objects.exists()
    assert run("--import", str(file)) == "created=3 unchanged=0 refused=0"
    assert list(Suppression.objects.order_by("address_hash").values_list(*fields)) == before
    assert suppressions.is_suppressed("c@example.org")


def test_importing_a_list_stops_the_mail_of_subscribers(tmp_path: Path) -> None:
    digest = a_digest(to=a_subscriber(email="a@example.org"))
    file = tmp_path / "list.csv"
    file.write_text("Email Address,Reason\nA@Example.org,spam\nnobody,\n")
    assert run("--import", str(file), status=1) == "created=1 unchanged=0 refused=1"
    digest.refresh_from_db()
    assert digest.state == Digest.State.CANCELLED
    assert digest.subscriber.email == "a@example.org"
    assert Subscriber.objects.get().status == Status.SUPPRESSED
    assert Suppression.objects.get().reason == Reason.MANUAL


def test_a_list_without_addresses_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("name\nAda\n")
    with pytest.raises(CommandError, match="no column named email"):
        call_command("suppressions", "--import", str(file))


def test_a_bounce_after_an_erased_address_signed_up_again_is_kept_as_its_reason() -> None:
    privacy.erase(a_subscriber(email="a@example.org"))
    a_suppressed("a@example.org", Reason.HARD_BOUNCE)
    suppression = Suppression.objects.get()
    assert (suppression.reason, suppression.email_key) == ("hard_bounce", "a@example.org")
    assert suppression.address_hash == email_addresses.hash_of("a@example.org")
