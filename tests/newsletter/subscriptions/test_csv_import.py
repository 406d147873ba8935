"""Lists of subscribers that come in and go out as CSV files."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from newsletter.management.commands import import_subscribers
from newsletter.models import Consent, Digest, Interest, Notice, Subscriber, Suppression
from newsletter.subscriptions import consent_log, preferences, suppressions
from newsletter.subscriptions import service as subscriptions
from newsletter.subscriptions.csv_files import neutralised, restored
from tests.factories import a_paper, a_subscriber, rename

pytestmark = pytest.mark.django_db

Status = Subscriber.Status
NOON: Final = datetime(2025, 3, 3, 12, tzinfo=UTC)
CONSENTED: Final = "2024-05-06T07:08:09Z,old newsletter"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "people.csv"


def import_table(file: Path, text: str | None = None) -> tuple[str, str, int]:
    """The last line, the complaints and the exit status of an import."""
    if text is not None:
        file.write_text(text, encoding="utf-8")
    out, err, status = io.StringIO(), io.StringIO(), 0
    try:
        call_command("import_subscribers", file, stdout=out, stderr=err)
    except SystemExit as stop:
        status = int(str(stop.code))
    return out.getvalue().strip(), err.getvalue(), status


def export_rows(file: Path) -> list[dict[str, str]]:
    call_command("export_subscribers", all=True, out=file, stdout=io.StringIO())
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@time_machine.travel(NOON, tick=False)
def test_a_row_with_proof_of_consent_is_active_and_due_at_its_next_regular_time(
    file: Path,
) -> None:
    a_paper(canonical_id="2503.01234")
    line, err, status = import_table(
        file,
        "email,confirmed_at,consent_source,frequency,weekday,hour,timezone,size,topics,interests,"
        "likes,authors,muted\n"
        f"Ada@Example.org,{CONSENTED},weekly,2,7,Europe/Berlin,5,cs.CL;stat.ML,graphs;proteins,"
        'arXiv:2503.01234v2,"Lovelace, Ada",crypto\n',
    )
    assert (line, err, status) == ("created=1 updated=0 unchanged=0 suppressed=0 refused=0", "", 0)
    subscriber = Subscriber.objects.get()
    assert (subscriber.email, subscriber.status) == ("Ada@example.org", Status.ACTIVE)
    assert subscriber.confirmed_at == datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    assert subscriber.next_digest_at == datetime(2025, 3, 5, 6, tzinfo=UTC)
    assert preferences.of(subscriber) == {
        "frequency": "weekly",
        "weekday": 2,
        "hour": 7,
        "timezone": "Europe/Berlin",
        "size": 5,
        "topics": ["cs.CL", "stat.ML"],
        "interests": ["graphs", "proteins"],
        "likes": ["2503.01234"],
        "dislikes": [],
        "authors": ["Lovelace, Ada"],
        "muted": ["crypto"],
        "names": [],
        "ignored": [],
    }
    consent = Consent.objects.get()
    assert (consent.action, consent.form) == ("import", "import of people.csv")
    assert consent.choices["consent_source"] == "old newsletter"


def test_a_row_without_proof_waits_and_gets_no_mail(file: Path) -> None:
    line, _, status = import_table(
        file, "email,confirmed_at\nada@example.org,2024-05-06\nbob@x.org,\n"
    )
    assert (line, status) == ("created=2 updated=0 unchanged=0 suppressed=0 refused=0", 0)
    assert set(Subscriber.objects.values_list("status", "next_digest_at")) == {
        (Status.PENDING, None)
    }
    assert not Notice.objects.exists()
    assert not Digest.objects.exists()


def test_every_bad_row_is_named_and_the_rest_goes_on(file: Path) -> None:
    line, err, status = import_table(
        file,
        "email,hour,topics,likes,confirmed_at,consent_source\n"
        "ada@example.org,7,,,,\n"
        "not an address,7,,,,\n"
        "bob@example.org,25,,,,\n"
        "cy@example.org,7,cs.XX,,,\n"
        "dee@example.org,7,,No such paper,,\n"
        "eve@example.org,7,,,yesterday,form\n"
        "fay@example.org,7,,,2999-01-01,form\n"
        "gus@example.org,7,,,,,,one too many\n"
        '"hal@example.org\nBcc: all@example.org",7,,,,\n'
        "\n"
        "ida@example.org,8,,,,\n",
    )
    assert (line, status) == ("created=2 updated=0 unchanged=0 suppressed=0 refused=8", 1)
    complaints = dict(complaint.split(": ", 1) for complaint in err.splitlines())
    lines = [3, 4, 5, 6, 7, 8, 9, 10]
    assert sorted(complaints, key=lambda key: int(key.split()[1])) == [f"line {n}" for n in lines]
    assert "“25” is not a valid hour" in complaints["line 4"]
    assert "“No such paper” is not a paper we know" in complaints["line 6"]
    assert set(Subscriber.objects.values_list("email", flat=True)) == {
        "ada@example.org",
        "ida@example.org",
    }


@pytest.mark.parametrize(
    "stray",
    [
        'bob@example.org,"graphs',
        'bob@example.org,"graphs" and proteins',
        '"bob@example.org,graphs',
    ],
)
def test_a_stray_quotation_mark_costs_its_own_row_alone(file: Path, stray: str) -> None:
    line, err, status = import_table(
        file,
        "email,interests\n"
        "ada@example.org,proteins\n"
        f"{stray}\n"
        "cy@example.org,crystals\n"
        'dee@example.org,"dreams, and more"\n'
        "eve@example.org,evolution\n",
    )
    assert (line, status) == ("created=4 updated=0 unchanged=0 suppressed=0 refused=1", 1)
    assert err.startswith("line 3: ")
    choices = Interest.objects.values_list("subscriber__email", "value")
    assert sorted(choices) == [
        ("ada@example.org", "proteins"),
        ("cy@example.org", "crystals"),
        ("dee@example.org", "dreams, and more"),
        ("eve@example.org", "evolution"),
    ]


def test_a_quotation_mark_that_is_never_closed_is_named_by_its_line(file: Path) -> None:
    line, err, _ = import_table(file, 'email,interests\nada@example.org,"graphs')
    assert line == "created=0 updated=0 unchanged=0 suppressed=0 refused=1"
    assert err == "line 2: A quotation mark in line 2 is not closed.\n"


def test_a_text_of_several_lines_brings_in_nobody_that_it_names(file: Path) -> None:
    line, err, _ = import_table(
        file,
        "email,confirmed_at,consent_source,interests\n"
        f'ada@example.org,{CONSENTED},"graphs\n'
        f"bob@example.org,{CONSENTED},graphs\n"
        'cy@example.org"\n'
        f"dee@example.org,{CONSENTED},dreams\n",
    )
    assert line == "created=1 updated=0 unchanged=0 suppressed=0 refused=1"
    assert "A quotation mark in line 2 is not closed." in err
    assert Subscriber.objects.get().email == "dee@example.org"


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
def test_a_time_at_the_end_of_the_calendar_is_refused_like_any_other(
    file: Path, moment: str
) -> None:
    line, err, _ = import_table(
        file, f"email,confirmed_at,consent_source\nada@example.org,{moment},old newsletter\n"
    )
    assert line == "created=0 updated=0 unchanged=0 suppressed=0 refused=1"
    assert "confirmed_at" in err


def test_without_all_only_readers_who_get_mail_are_exported(file: Path) -> None:
    for status in Status.values:
        a_subscriber(email=f"{status}@example.org", status=status)
    call_command("export_subscribers", out=file, stdout=io.StringIO())
    with file.open(encoding="utf-8", newline="") as lines:
        assert [row["email"] for row in csv.DictReader(lines)] == ["active@example.org"]


def test_a_paused_reader_stays_paused_in_the_file_and_after_it(file: Path) -> None:
    until = NOON.replace(year=2030)
    a_subscriber(
        email="resting@example.org",
        status=Status.PAUSED,
        next_digest_at=None,
        paused_until=until,
        consent_source="form",
    )
    assert export_rows(file)[0]["status"] == "paused"
    Subscriber.objects.all().delete()
    import_table(file)
    subscriber = Subscriber.objects.get()
    assert (subscriber.status, subscriber.paused_until) == (Status.PAUSED, until)
    assert subscriber.next_digest_at is None


@pytest.mark.parametrize(("proof", "status"), [(",", Status.PENDING), (CONSENTED, Status.ACTIVE)])
def test_a_suppression_that_proves_wrong_makes_nobody_active_who_never_agreed(
    file: Path, proof: str, status: str
) -> None:
    import_table(file, f"email,confirmed_at,consent_source\nada@example.org,{proof}\n")
    person = Subscriber.objects.get()
    assert person.status == status
    suppressions.suppress(person.email, Suppression.Reason.SOFT_BOUNCES)
    suppressions.lift_for(person, Suppression.Reason.SOFT_BOUNCES, consent_log.ActionOrigin("test"))
    person.refresh_from_db()
    assert person.status == status
    assert bool(person.next_digest_at) == (status == Status.ACTIVE)


def test_a_suppression_that_proves_wrong_reactivates_nobody_whose_choices_were_imported(
    file: Path,
) -> None:
    person = a_subscriber(email="ada@example.org")
    subscriptions.pause(person, None, consent_log.ActionOrigin("test"))
    import_table(file, f"email,confirmed_at,consent_source,size\nada@example.org,{CONSENTED},5\n")
    suppressions.suppress(person.email, Suppression.Reason.SOFT_BOUNCES)
    suppressions.lift_for(person, Suppression.Reason.SOFT_BOUNCES, consent_log.ActionOrigin("test"))
    person.refresh_from_db()
    assert (person.status, person.size) == (Status.PAUSED, 5)


@pytest.mark.parametrize("status", [Status.UNSUBSCRIBED, Status.SUPPRESSED])
def test_nobody_who_left_is_brought_back(file: Path, status: str) -> None:
    a_subscriber(email="ada@example.org", status=status, next_digest_at=None)
    line, err, code = import_table(
        file, f"email,confirmed_at,consent_source\nADA@example.org,{CONSENTED}\n"
    )
    assert (line, code) == ("created=0 updated=0 unchanged=0 suppressed=0 refused=1", 1)
    assert err == "line 2: This address unsubscribed or is suppressed and stays so.\n"
    assert Subscriber.objects.get().status == status


def test_an_erased_address_is_recognised_by_its_hash_alone(file: Path) -> None:
    suppressions.suppress("ada@example.org", Suppression.Reason.ERASED)
    Suppression.objects.update(email_key="")
    assert import_table(file, "email\nada@example.org\n")[0].endswith("refused=1")
    assert not Subscriber.objects.exists()


def test_the_same_file_twice_changes_nothing(file: Path) -> None:
    text = (
        f"email,confirmed_at,consent_source,topics\na@x.org,{CONSENTED},cs.LG;cs.AI\nb@x.org,,,\n"
    )
    import_table(file, text)
    assert import_table(file) == ("created=0 updated=0 unchanged=2 suppressed=0 refused=0", "", 0)
    assert Consent.objects.count() == 2


@time_machine.travel(NOON, tick=False)
def test_a_later_row_changes_an_earlier_one_and_leaves_what_it_does_not_say(file: Path) -> None:
    line, _, _ = import_table(
        file,
        "email,confirmed_at,consent_source,hour,size,topics\n"
        "ada@example.org,,,7,5,cs.CL;cs.AI\n"
        f"ADA@example.org,{CONSENTED},9,,cs.AI;cs.LG\n",
    )
    assert line == "created=1 updated=1 unchanged=0 suppressed=0 refused=0"
    subscriber = Subscriber.objects.get()
    assert (subscriber.status, subscriber.hour, subscriber.size) == (Status.ACTIVE, 9, 5)
    assert subscriber.next_digest_at == datetime(2025, 3, 4, 9, tzinfo=UTC)
    assert preferences.of(subscriber)["topics"] == ["cs.AI", "cs.LG"]


def test_an_imported_consent_does_not_replace_one_that_was_given_here(file: Path) -> None:
    subscriber = a_subscriber(email="ada@example.org", consent_source="sign-up form")
    import_table(file, f"email,confirmed_at,consent_source,size\nada@example.org,{CONSENTED},3\n")
    after = Subscriber.objects.get()
    assert (after.size, after.consent_source) == (3, "sign-up form")
    assert after.confirmed_at == subscriber.confirmed_at


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read: No such file or directory."),
        (b"email\n\xff\xfe\n", "is not UTF-8 text; save it as CSV UTF-8."),
        (b"name,address\nAda,ada@example.org\n", "has no column named email"),
        (b"", "has no column named email"),
        (b"email,email\na@x.org,b@x.org\n", "names a column twice"),
    ],
)
def test_a_file_that_is_no_such_list_is_refused_as_a_whole(
    file: Path, content: bytes | None, sentence: str
) -> None:
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CommandError, match=sentence) as refusal:
        call_command("import_subscribers", file)
    assert refusal.value.returncode == 2
    assert not Subscriber.objects.exists()


@pytest.mark.parametrize(
    "around", ["\t{}\t", "\u200b{}\u2063", "\u2066{}\u2069", "\v{}\f", "\u00a0{}\u202f"]
)
def test_what_cannot_be_seen_around_an_address_is_taken_off(file: Path, around: str) -> None:
    import_table(file, f"email\n{around.format('ada@example.org')}\n")
    assert Subscriber.objects.get().email == "ada@example.org"


@pytest.mark.parametrize("head", ["\ufeffEmail , Size,Unknown\n", "email;size;unknown\n"])
def test_files_of_spreadsheet_programs_are_understood(file: Path, head: str) -> None:
    separator = ";" if ";" in head else ","
    line, err, _ = import_table(file, head + separator.join(["ada@example.org", "4", "?"]) + "\n")
    assert line == "created=1 updated=0 unchanged=0 suppressed=0 refused=0"
    assert err == "These columns are not used: unknown.\n"
    assert Subscriber.objects.get().size == 4


@pytest.mark.parametrize("cell", ["=1+1", "+x@y.org", "-2", "@SUM(A1)", "\tx", "\rx", "'=1", "''@"])
def test_a_formula_is_neutralised_and_comes_back_as_it_was(cell: str) -> None:
    assert neutralised(cell) == f"'{cell}"
    assert restored(neutralised(cell)) == cell


@pytest.mark.parametrize("cell", ["x=1", "'tis", "", "2503.01234", "'"])
def test_an_ordinary_cell_is_left_unchanged(cell: str) -> None:
    assert neutralised(cell) == restored(cell) == cell


def test_what_goes_out_comes_in_unchanged_and_runs_in_no_spreadsheet(file: Path) -> None:
    ada = a_subscriber(
        email="=cmd@example.org",
        consent_source="+form",
        timezone="Asia/Tokyo",
        frequency="weekly",
        weekday=6,
    )
    a_subscriber(email="waiting@example.org", status=Status.PENDING, confirmed_at=None)
    for kind, value in [
        ("text", "@SUM(A1)"),
        ("text", "-x, y"),
        ("author", "O’Neil, Åsa"),
        ("topic", "cs"),
        ("like", "1706.03762"),
    ]:
        Interest.objects.create(subscriber=ada, kind=kind, value=value)
    rows = export_rows(file)
    assert [row["email"] for row in rows] == ["'=cmd@example.org", "waiting@example.org"]
    assert rows[0]["interests"] == "'@SUM(A1);'-x, y"
    assert file.stat().st_mode & 0o077 == 0
    assert import_table(file)[0] == "created=0 updated=0 unchanged=2 suppressed=0 refused=0"
    before = preferences.of(ada)
    Subscriber.objects.all().delete()
    assert import_table(file)[0] == "created=2 updated=0 unchanged=0 suppressed=0 refused=0"
    after = Subscriber.objects.get(status=Status.ACTIVE)
    assert (after.email, after.consent_source) == (ada.email, "+form")
    assert after.confirmed_at == ada.confirmed_at
    assert preferences.of(after) == before


def test_a_liked_paper_that_was_renamed_is_no_news(file: Path) -> None:
    paper = a_paper(canonical_id="t-abc")
    Interest.objects.create(subscriber=a_subscriber(), kind="like", value="t-abc")
    before = export_rows(file)
    rename(paper, "2503.01234")
    assert before[0]["likes"] == "t-abc"
    assert import_table(file)[0] == "created=0 updated=0 unchanged=1 suppressed=0 refused=0"
    assert export_rows(file)[0]["likes"] == "2503.01234"
    assert import_table(file)[0] == "created=0 updated=0 unchanged=1 suppressed=0 refused=0"


def test_the_queries_grow_with_the_batches_and_not_with_the_rows(file: Path) -> None:
    def queries(rows: int, name: str) -> int:
        lines = [f"{name}{n}@example.org,cs.CL;cs.AI,graphs" for n in range(rows)]
        with CaptureQueriesContext(connection) as captured:
            import_table(file, "\n".join(["email,topics,interests", *lines]))
        return len(captured)

    # SQLite takes 999 values in a statement, so the inserts come in a few batches.
    assert queries(400, "many") < queries(2, "few") + 20


def test_the_help_names_every_column_and_the_exit_status() -> None:
    for word in ("consent_source", "muted", "within 7 days is deleted", "Exit status"):
        assert word in import_subscribers.Command.help
