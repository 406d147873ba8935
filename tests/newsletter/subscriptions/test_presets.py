"""Lists of other newsletter services come in with what their columns mean."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils.timezone import now

from newsletter import jobs
from newsletter.models import Consent, Notice, Subscriber, Suppression
from newsletter.security import tokens
from newsletter.subscriptions import csv_import, presets, privacy
from newsletter.subscriptions import service as subscriptions
from newsletter.subscriptions.consent_log import ActionOrigin
from tests.conftest import DATA
from tests.factories import a_subscriber

pytestmark = pytest.mark.django_db
Status = Subscriber.Status

MAILCHIMP = (
    "Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,"
    "LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,{extra}LAST_CHANGED,LEID,EUID,NOTES,TAGS\n"
)
SUBSCRIBED = (
    'Ada@Example.org,Ada,L,2,"2023-05-06 07:00:00",1.2.3.4,"2023-05-06 07:08:09",1.2.3.4,,,1,2,'
    "Europe/London,gb,eng,2023-05-06 07:08:09,1,a1,,\n"
    "bob@example.org,Bob,,2,2023-05-06 07:00:00,,,,,,,,Mars/Base,,,2023-05-06 07:08:09,2,b2,,\n"
)
UNSUBSCRIBED = (
    'cy@example.org,Cy,,2,2023-05-06 07:00:00,,2023-05-06 07:00:00,,,,,,,,,"2024-01-02 03:04:05",'
    "May,c1,SPAM,,2024-01-02,3,c3,,\n"
)
CLEANED = (
    "dee@example.org,,,1,2023-05-06 07:00:00,,2023-05-06 07:00:00,,,,,,,,,2024-01-02 03:04:05,"
    "May,c1,2024-01-02,4,d4,,\n"
)
EXPORTS = {
    "substack": (
        "email,active_subscription,expiry,plan,email_disabled,created_at,first_payment_at\n"
        "a@x.org,false,,other,false,2023-05-06T07:08:09.000Z,\n"
        "b@x.org,true,,monthly,true,2023-05-06T07:08:09.000Z,\n"
    ),
    "listmonk": (
        "uuid,email,name,attributes,status,created_at,updated_at\n"
        '1,a@x.org,Ada,"{""city"": ""Bonn""}",enabled,2023-05-06T07:08:09Z,2023-05-06T07:08:09Z\n'
        "2,b@x.org,Bob,{},blocklisted,2023-05-06T07:08:09Z,2023-05-06T07:08:09Z\n"
    ),
    "buttondown": (
        "email_address,notes,metadata,tags,referrer_url,creation_date,secondary_id,type,source\n"
        "a@x.org,,{},,,2023-05-06T07:08:09Z,1,regular,organic\n"
        "b@x.org,,{},,,2023-05-06T07:08:09Z,2,unsubscribed,organic\n"
    ),
    "ghost": (
        "id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,created_at,"
        "deleted_at,labels,tiers\n"
        "1,a@x.org,Ada,,true,false,,2023-05-06T07:08:09.000Z,,,\n"
        "2,b@x.org,Bob,,false,false,,2023-05-06T07:08:09.000Z,,,\n"
    ),
}


# Older, newer and filtered exports: active or pending is a@x.org, b@x.org must get no mail.
VARIANTS = [
    ("mailchimp", "E-Mail-Adresse,Vorname,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,Status\n"
     "a@x.org,Ada,,,2023-05-06 07:08:09,1.2.3.4,subscribed\nb@x.org,Bob,,,,,cleaned\n"),
    ("mailchimp", "email_address,status,timestamp_signup,timestamp_opt,unique_email_id,vip\n"
     "a@x.org,subscribed,,2023-05-06T07:08:09+00:00,1,2\nb@x.org,unsubscribed,,,2,2\n"),
    ("mailchimp", "Email Address,Email Marketing Status,LEID,EUID,UNSUB_TIME,UNSUB_REASON\n"
     "a@x.org,Subscribed,1,a,,\nb@x.org,Unsubscribed,2,b,2024-01-02 03:04:05,NORMAL\n"),
    ("substack", "email,active_subscription,expiry,email_disabled,digest_enabled,created_at\n"
     "a@x.org,false,,false,true,2020-05-06\nb@x.org,false,,true,true,2020-05-06\n"),
    ("substack", "Email,Name,Subscription type,Stripe plan,Start date,Emails received (6mo),"
     "Emails opened (6mo),Unsubscribed at\n"
     "a@x.org,Ada,Free,,2024-05-06,7,7,\nb@x.org,Bob,Free,,2024-05-06,7,0,2024-06-07\n"),
    ("listmonk", "uuid,email,name,status,created_at,updated_at\n"
     "1,a@x.org,Ada,enabled,2023-05-06,\n2,b@x.org,Bob,disabled,2023-05-06,\n"),
    ("listmonk", "uuid,email,name,attributes,status,created_at,updated_at,subscription_status\n"
     "1,a@x.org,Ada,{},enabled,,,confirmed\n2,b@x.org,Bob,{},enabled,,,unsubscribed\n"),
    ("listmonk", "id,uuid,email,name,attribs,status\n1,1,a@x.org,,{},enabled\n"
     "2,2,b@x.org,,{},blacklisted\n"),
    ("buttondown", "email,notes,metadata,tags,referrer_url,creation_date,secondary_id,"
     "subscriber_type,source\na@x.org,,{},,,2020-05-06,1,unactivated,api\n"
     "b@x.org,,{},,,2020-05-06,2,removed,api\n"),
    ("buttondown", "id,email_address,creation_date,type,unsubscription_date,unsubscription_reason,"
     "undeliverability_date\n1,a@x.org,2025-05-06,regular,,,\n"
     "2,b@x.org,2025-05-06,regular,,,2025-06-07T00:00:00Z\n"),
    ("buttondown", "Email address,Creation date,Type,Unsubscription date,Churn date\n"
     "a@x.org,2025-05-06,Premium,,\nb@x.org,2025-05-06,Complained,,\n"),
    ("ghost", "email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,labels\n"
     "a@x.org,Ada,,TRUE,FALSE,,\nb@x.org,Bob,,FALSE,FALSE,,\n"),
    ("ghost", "id,email,name,note,subscribed_to_emails,complimentary_plan,created_at,deleted_at,"
     "labels,tiers\n1,a@x.org,,,true,false,,,,\n2,b@x.org,,,true,false,,2024-01-02,,\n"),
    ("ghost", "id,email,name,subscribed_to_emails,email_disabled,complimentary_plan,tiers\n"
     "1,a@x.org,Ada,true,false,false,\n2,b@x.org,Bob,true,true,false,\n"),
]  # fmt: skip


def run(file: Path, text: str | None = None, **options: object) -> tuple[list[str], str]:
    """Import a file; return the lines of standard output, and standard error."""
    if text is not None:
        file.write_text(text, encoding="utf-8")
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("import_subscribers", file, stdout=out, stderr=err, **options)
    except SystemExit as end:
        err.write(f"exit status {end.code}")
    return out.getvalue().splitlines(), err.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "people.csv"


def test_mailchimp_subscribers_are_active_with_their_confirmation_or_pending(file: Path) -> None:
    (line,), err = run(file, MAILCHIMP.format(extra="") + SUBSCRIBED)
    assert line == "created=2 updated=0 unchanged=0 suppressed=0 refused=0"
    assert "Read as an export of Mailchimp: email address → email, confirm_time → conf" in err
    ada, bob = Subscriber.objects.order_by("email_key")
    assert (ada.status, bob.status) == (Status.ACTIVE, Status.PENDING)
    assert ada.confirmed_at == datetime(2023, 5, 6, 7, 8, 9, tzinfo=UTC)
    assert (ada.consent_source, ada.timezone) == ("confirmed at Mailchimp", "Europe/London")
    assert bob.timezone == "UTC"


@pytest.mark.parametrize(
    ("extra", "row", "reason"),
    [
        ("UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_CAMPAIGN_ID,UNSUB_REASON,UNSUB_REASON_OTHER,",
         UNSUBSCRIBED, "complaint"),
        ("CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,CLEAN_CAMPAIGN_ID,", CLEANED, "hard_bounce"),
    ],
)  # fmt: skip
def test_who_left_or_bounced_at_mailchimp_is_suppressed(
    file: Path, extra: str, row: str, reason: str
) -> None:
    (line,), _ = run(file, MAILCHIMP.format(extra=extra) + row)
    assert line == "created=0 updated=0 unchanged=0 suppressed=1 refused=0"
    suppression = Suppression.objects.get()
    assert suppression.reason == reason
    assert suppression.created_at == datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert "Mailchimp" in suppression.detail
    assert not Subscriber.objects.exists()


@pytest.mark.parametrize("name", EXPORTS)
@pytest.mark.parametrize("chosen", ["auto", "named"])
def test_a_service_without_proof_of_consent_gives_pending_and_suppressed(
    file: Path, name: str, chosen: str
) -> None:
    preset = "auto" if chosen == "auto" else name
    (line,), err = run(file, EXPORTS[name], preset=preset)
    assert line == "created=1 updated=0 unchanged=0 suppressed=1 refused=0"
    assert presets.PRESETS[name].title in err
    assert (Subscriber.objects.get().email, Subscriber.objects.get().status) == (
        "a@x.org",
        Status.PENDING,
    )
    assert Suppression.objects.get().email_key == "b@x.org"
    assert run(file)[0] == ["created=0 updated=0 unchanged=2 suppressed=0 refused=0"]


@pytest.mark.parametrize(("name", "text"), VARIANTS)
def test_other_shapes_of_an_export_are_recognised_and_nobody_who_left_gets_mail(
    file: Path, name: str, text: str
) -> None:
    (line,), err = run(file, text)
    assert line == "created=1 updated=0 unchanged=0 suppressed=1 refused=0"
    assert f"Read as an export of {presets.PRESETS[name].title}" in err
    assert Subscriber.objects.get().email == "a@x.org"
    assert Suppression.objects.get().email_key == "b@x.org"


def test_a_time_of_confirmation_counts_under_each_of_its_names(file: Path) -> None:
    for _, text in VARIANTS[:2]:
        Subscriber.objects.all().delete()
        run(file, text)
        assert Subscriber.objects.get().status == Status.ACTIVE


def test_who_left_elsewhere_and_is_here_gets_no_more_mail(file: Path) -> None:
    subscriber = a_subscriber(email="b@x.org")
    run(file, EXPORTS["ghost"])
    subscriber.refresh_from_db()
    assert subscriber.status == Status.SUPPRESSED
    assert Consent.objects.filter(subscriber=subscriber, action="suppress").exists()


def test_nobody_who_left_here_is_brought_back_by_another_service(file: Path) -> None:
    for name, status in (("ada", Status.UNSUBSCRIBED), ("bob", Status.SUPPRESSED)):
        a_subscriber(email=f"{name}@example.org", status=status)
    (line,), err = run(file, MAILCHIMP.format(extra="") + SUBSCRIBED, send_confirmations=True)
    assert line == "created=0 updated=0 unchanged=0 suppressed=0 refused=2"
    assert err.endswith("exit status 1")
    assert not Notice.objects.exists()


def test_an_erased_address_is_not_asked_to_confirm_by_a_list(file: Path) -> None:
    privacy.erase(a_subscriber(email="a@x.org"))
    assert run(file, EXPORTS["ghost"], send_confirmations=True)[0][0].endswith("refused=1")
    assert not Notice.objects.exists()


def test_a_dry_run_says_row_by_row_what_would_happen_and_changes_nothing(file: Path) -> None:
    a_subscriber(email="bob@example.org")
    text = MAILCHIMP.format(extra="") + SUBSCRIBED + "nobody,,,,,,,,,,,,,,,,,,,\n"
    lines, err = run(file, text, dry_run=True, send_confirmations=True)
    assert lines == [
        "line 2: created, active",
        "line 3: unchanged, active",
        "created=1 updated=0 unchanged=1 suppressed=0 refused=1",
    ]
    assert "line 4: The @ is missing" in err
    assert Subscriber.objects.get().email == "bob@example.org"
    assert not Consent.objects.exists()
    assert not Notice.objects.exists()


def test_confirmations_are_queued_once_for_each_pending_address_so_many_a_minute(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_import, "ROWS_AT_ONCE", 2)
    moment = datetime(2025, 3, 3, 12, tzinfo=UTC)
    people = "".join(f"r{number}@x.org\n" for number in range(5))
    with time_machine.travel(moment, tick=False):
        run(file, f"email\n{people}", send_confirmations=True)
        run(file, send_confirmations=True)
        run(file, "email\nlate@x.org\n", send_confirmations=True)
    times = list(Notice.objects.order_by("pk").values_list("next_attempt_at", flat=True))
    pause = timedelta(minutes=1) / csv_import.CONFIRMATIONS_A_MINUTE
    assert times == [moment + number * pause for number in range(6)]


def test_whom_an_import_asks_to_confirm_can_do_so(file: Path) -> None:
    run(file, "email,topics\nada@x.org,cs.CL\n", send_confirmations=True)
    jobs.send_notices()
    notice = Notice.objects.get()
    assert (notice.state, notice.kind) == ("sent", "confirm")
    assert notice.consent
    request = tokens.consent_of_confirm_token(tokens.confirm_token(notice.consent))
    subscriptions.confirm(request, ActionOrigin("confirmation page"))
    subscriber = Subscriber.objects.get()
    assert subscriber.status == Status.ACTIVE
    assert [interest.value for interest in subscriber.interests.all()] == ["cs.CL"]
    assert subscriber.next_digest_at
    assert subscriber.next_digest_at <= now()


def test_without_the_option_nobody_is_asked(file: Path) -> None:
    run(file, EXPORTS["substack"])
    assert not Notice.objects.exists()


def test_a_used_column_that_is_named_twice_is_refused(file: Path) -> None:
    with pytest.raises(CommandError, match="names a column twice: email"):
        run(file, "email,email\na@x.org,b@x.org\n")


@pytest.mark.parametrize(
    ("name", "created"),
    [
        ("trailing_empty_columns", 2),
        ("notes_over_two_lines", 2),
        ("unused_column_twice", 1),
        ("address_over_two_lines", 2),
        ("invisible_characters", 2),
    ],
)
def test_lists_as_other_programs_save_them_come_in(name: str, created: int) -> None:
    (line,), _ = run(DATA / "lists" / f"{name}.csv")
    assert line == f"created={created} updated=0 unchanged=0 suppressed=0 refused=0"
    assert all(email.isascii() for email in Subscriber.objects.values_list("email", flat=True))


@pytest.mark.parametrize(
    "cell",
    ["\tada@x.org\t", "\u200bada@x.org", "ada@x.org\ufeff", "\u00a0ada@x.org ", "\u200eada@x.org"],
)
def test_what_cannot_be_seen_around_an_address_is_left_out(file: Path, cell: str) -> None:
    run(file, f"email,name\n{cell},Ada\n")
    assert Subscriber.objects.get().email == "ada@x.org"


def test_full_width_formulas_are_neutralised_on_the_way_out(file: Path) -> None:
    a_subscriber(consent_source="＝1+1")
    call_command("export_subscribers", out=file, stdout=io.StringIO())
    assert ",'＝1+1," in file.read_text(encoding="utf-8")
