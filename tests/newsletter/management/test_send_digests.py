"""``manage.py send_digests``: the balance always adds up, and every trouble has its sentence."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils.timezone import now
from pytest_django import Settings

from newsletter.models import Digest, Stream, Subscriber
from tests.factories import a_paper, a_subscriber
from tests.sink import Sink, free_port

pytestmark = pytest.mark.django_db(transaction=True)
KEYS = ["due", "sent", "failed", "uncertain", "skipped", "cancelled", "queued"]


def run(*arguments: str) -> tuple[dict[str, int], str, int]:
    """The counts of the last line, what was said on standard error, and the exit status."""
    out, err, status = io.StringIO(), io.StringIO(), 0
    try:
        call_command("send_digests", *arguments, stdout=out, stderr=err)
    except SystemExit as ended:
        status = int(ended.code or 0)
    pairs = [word.split("=") for word in out.getvalue().strip().splitlines()[-1].split()]
    counts = {key: int(value) for key, value in pairs}
    assert list(counts) == KEYS
    assert counts["due"] == sum(counts[key] for key in KEYS[1:])
    return counts, err.getvalue(), status


def test_all_that_is_due_is_sent_and_a_second_run_finds_nothing(sink: Sink) -> None:
    a_paper()
    people = [a_subscriber() for _ in range(3)]
    counts, _, status = run()
    assert (counts["due"], counts["sent"], status) == (3, 3, 0)
    assert sorted(sink.recipients) == sorted(person.email for person in people)
    assert run()[0]["due"] == 0
    assert len(sink.accepted) == 3


def test_nothing_is_due_before_its_time_and_something_is_at_it(sink: Sink) -> None:
    a_paper()
    tomorrow = now() + timedelta(days=1)
    a_subscriber(next_digest_at=tomorrow)
    assert run()[0]["due"] == 0
    assert run("--at", tomorrow.isoformat())[0]["sent"] == 1


def test_a_time_to_come_ends_nobody_s_pause_and_reaches_who_is_back_by_then(sink: Sink) -> None:
    a_paper()
    until = now() + timedelta(days=5)
    rested = {"status": "paused", "paused_until": until, "next_digest_at": None}
    me = a_subscriber(**rested)
    for _ in range(2):
        a_subscriber(**rested)
    state = Subscriber.objects.order_by("pk").values_list(
        "status", "paused_until", "next_digest_at"
    )
    before = list(state)
    at = (until + timedelta(days=2)).isoformat()
    assert run("--at", at, "--to", me.email, "--dry-run")[0]["queued"] == 1
    assert run("--at", at, "--to", me.email, "--really")[0]["sent"] == 1
    assert sink.recipients == [me.email]
    assert run("--at", at, "--really")[0]["sent"] == 2
    assert run("--at", at, "--dry-run")[0]["due"] == 0
    assert list(state.all()) == before
    assert run()[0]["due"] == 0


def test_who_is_paused_at_the_named_time_gets_nothing(sink: Sink) -> None:
    a_paper()
    until = now() + timedelta(days=5)
    a_subscriber(status="paused", paused_until=until, next_digest_at=None)
    a_subscriber(status="paused", paused_until=None, next_digest_at=None)
    assert run("--at", (until - timedelta(hours=1)).isoformat(), "--really")[0]["due"] == 0
    assert run("--at", (until + timedelta(seconds=1)).isoformat(), "--dry-run")[0]["due"] == 0


def test_a_run_for_one_person_leaves_the_pauses_of_others_to_the_worker() -> None:
    over = {"status": "paused", "paused_until": now() - timedelta(hours=1), "next_digest_at": None}
    me, other = a_subscriber(**over), a_subscriber(**over)
    run("--to", me.email)
    me.refresh_from_db()
    other.refresh_from_db()
    assert (me.status, other.status) == (Subscriber.Status.ACTIVE, Subscriber.Status.PAUSED)


def test_a_dry_run_counts_who_comes_back_from_a_pause_today(sink: Sink) -> None:
    a_paper()
    a_subscriber(
        status="paused", paused_until=now() - timedelta(hours=1), next_digest_at=None, hour=8
    )
    at = (now() + timedelta(days=1, hours=1)).isoformat()
    planned = run("--at", at, "--dry-run")[0]["due"]
    assert planned == run("--at", at, "--really")[0]["due"] == 1


def test_a_time_long_past_is_no_reason_to_fail_what_a_person_asked_for(sink: Sink) -> None:
    at = now() - timedelta(hours=44)
    a_paper(announced_at=at - timedelta(hours=3), first_seen_at=at - timedelta(hours=3))
    a_subscriber(next_digest_at=at - timedelta(hours=1))
    counts, _, status = run("--at", at.isoformat())
    assert (counts["sent"], counts["failed"], status) == (1, 0, 0)


def test_only_the_named_subscriber_is_served(sink: Sink) -> None:
    a_paper()
    chosen, other = a_subscriber(), a_subscriber()
    assert run("--to", chosen.email.upper())[0]["sent"] == 1
    assert sink.recipients == [chosen.email]
    other.refresh_from_db()
    assert other.next_digest_at is not None
    assert other.next_digest_at < now()


def test_a_dry_run_says_what_would_go_to_whom_and_changes_nothing(sink: Sink) -> None:
    a_paper(canonical_id="2611.01234")
    person = a_subscriber(next_digest_at=now() - timedelta(minutes=1))
    late = a_subscriber(next_digest_at=now() - timedelta(days=30), hour=now().hour)
    before = set(Subscriber.objects.values_list("pk", "next_digest_at"))
    out = io.StringIO()
    call_command("send_digests", "--dry-run", stdout=out)
    first, second, last = out.getvalue().splitlines()
    assert f"{person.next_digest_at:%Y-%m-%d %H:%M} {person.email} 1 paper: 2611.01234" == first
    assert late.email in second
    assert last == "due=2 sent=0 failed=0 uncertain=0 skipped=0 cancelled=0 queued=2"
    assert not Digest.objects.exists()
    assert set(Subscriber.objects.values_list("pk", "next_digest_at")) == before
    assert sink.accepted == []


def test_a_dry_run_names_what_waits_from_before(settings: Settings, sink: Sink) -> None:
    a_paper()
    person = a_subscriber()
    settings.EMAIL_PORT = free_port()
    run()
    out = io.StringIO()
    call_command("send_digests", "--dry-run", "--to", person.email, stdout=out)
    assert f"{person.email} 1 paper: " in out.getvalue()
    assert run("--dry-run")[0]["queued"] == 1
    assert Digest.objects.get().state == Digest.State.QUEUED


def test_somebody_who_has_had_everything_is_skipped(sink: Sink) -> None:
    a_paper()
    person = a_subscriber(frequency="daily")
    run()
    at = now() + timedelta(days=2)
    counts, _, status = run("--at", at.isoformat(), "--really")
    assert (counts["skipped"], status) == (1, 0)
    reason = Digest.objects.get(subscriber=person, state="skipped").reason
    assert reason == "Every paper on offer was already sent or is muted."


def test_a_refused_recipient_is_counted_as_failed_and_ends_in_status_1(sink: Sink) -> None:
    a_paper()
    a_subscriber()
    sink.at_recipient = "550 5.1.1 no such user"
    counts, _, status = run()
    assert (counts["failed"], status) == (1, 1)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("550 5.1.1 no such user", Subscriber.Status.SUPPRESSED),
        ("550 no such user", Subscriber.Status.SUPPRESSED),
        ("552 5.2.2 mailbox full", Subscriber.Status.ACTIVE),
    ],
)
def test_a_mailbox_that_is_not_there_is_never_written_to_again(
    sink: Sink, answer: str, status: str
) -> None:
    a_paper()
    person = a_subscriber()
    sink.at_recipient = answer
    assert run()[0]["failed"] == 1
    person.refresh_from_db()
    assert person.status == status


def test_a_time_more_than_a_day_ahead_has_to_be_meant(sink: Sink) -> None:
    a_paper()
    a_subscriber()
    at = (now() + timedelta(days=1, minutes=5)).isoformat()
    assert run("--at", at, "--dry-run")[0]["queued"] == 1
    with pytest.raises(CommandError, match="Add --really"):
        run("--at", at)
    assert not Digest.objects.exists()
    assert run("--at", at, "--really")[0]["sent"] == 1


@pytest.mark.parametrize("answer", ["550 5.7.1 refused by policy", "550 relay not permitted"])
def test_a_refusal_that_is_about_us_keeps_the_digest_and_the_reader(
    sink: Sink, answer: str
) -> None:
    a_paper()
    person = a_subscriber()
    sink.at_recipient = answer
    assert run()[0]["queued"] == 1
    person.refresh_from_db()
    assert person.status == Subscriber.Status.ACTIVE
    sink.at_recipient = ""
    Digest.objects.update(next_attempt_at=now())
    assert run()[0]["sent"] == 1


def test_an_unreachable_mail_server_loses_nothing_and_is_named(
    settings: Settings, sink: Sink
) -> None:
    a_paper()
    a_subscriber()
    settings.EMAIL_PORT = free_port()
    counts, said, status = run()
    assert (counts["due"], counts["queued"], status) == (1, 1, 1)
    assert "The mail server cannot be reached" in said
    settings.EMAIL_PORT = sink.port
    assert run()[0]["sent"] == 1


def test_a_paused_stream_sends_nothing_and_says_why(sink: Sink) -> None:
    a_paper()
    a_subscriber()
    Stream.objects.create(name="digests", paused_at=now(), paused_reason="Closed for the day.")
    counts, said, _ = run()
    assert (counts["due"], counts["queued"]) == (1, 1)
    assert "Closed for the day." in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["--at", "tomorrow"],
        ["--at", "2026-02-31T08:00"],
        ["--at", "9999-12-31"],
        ["--at", "0001-01-01T00:00:00+05:00"],
        ["--to", "nobody"],
    ],
)
def test_an_argument_that_makes_no_sense_is_refused_in_one_sentence(arguments: list[str]) -> None:
    with pytest.raises(CommandError) as refused:
        run(*arguments)
    assert refused.value.returncode == 2
    assert "\n" not in str(refused.value)
