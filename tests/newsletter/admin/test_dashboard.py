"""The admin's first page: what is due, what is stuck, who is alive, and why nothing came."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client

from newsletter.models import DailyCount, Digest, Heartbeat, Interest, Stream, Subscriber
from newsletter.process import daily
from papers.models import Edition, Source
from tests.factories import a_paper

NOON = datetime(2025, 3, 12, 12, tzinfo=UTC)
State = Digest.State


@pytest.fixture
def admin_client(db: None, client: Client) -> Client:
    client.force_login(User.objects.create_superuser("operator"))
    return client


def page(admin_client: Client, at: datetime = NOON) -> str:
    """The words of the first page at a moment, without markup."""
    with time_machine.travel(at, tick=False):
        html = admin_client.get("/admin/").content.decode()
    main = html[html.index('id="main"') :]
    return " ".join(re.sub(r"<[^>]*>", " ", main).replace("\xa0", " ").split())


def subscriber(number: int, due: datetime | None = None) -> Subscriber:
    address = f"s{number}@example.org"
    return Subscriber.objects.create(
        email=address, email_key=address, status=Subscriber.Status.ACTIVE, next_digest_at=due
    )


def digest(number: int, state: str, reason: str = "", due_at: datetime = NOON) -> None:
    Digest.objects.create(
        subscriber=subscriber(number),
        due_on=due_at.date(),
        due_at=due_at,
        state=state,
        reason=reason,
    )


def test_mail_of_today_is_counted_and_stuck_mail_of_any_day(admin_client: Client) -> None:
    digest(1, State.SENT)
    digest(2, State.SKIPPED, "Every paper on offer was already sent.")
    digest(3, State.QUEUED)
    digest(4, State.FAILED, "Refused.", NOON - timedelta(days=3))
    subscriber(5, NOON + timedelta(hours=3))
    subscriber(6, NOON + timedelta(hours=13))

    words = page(admin_client)

    assert "Due today 4 1 to come, 1 waiting, 1 skipped (UTC)" in words
    assert "Sent today 1 " in words
    assert "Failed 1 " in words
    assert "1 Skipped: Every paper on offer was already sent." in words
    assert "Refused." not in words


def test_the_digests_of_each_day_add_up_to_those_that_were_due(admin_client: Client) -> None:
    yesterday = NOON - timedelta(days=1)
    states = (State.SENT, State.SENT, State.FAILED, State.SKIPPED, State.QUEUED, State.CLAIMED)
    for number, state in enumerate(states):
        digest(number, state, due_at=yesterday)
    daily.count_days(NOON)

    words = page(admin_client)

    header = "Day (UTC) Due Sent Failed Uncertain Skipped Cancelled Waiting"
    assert f"{header} 11 Mar 6 2 1 0 1 0 2" in words


@pytest.mark.parametrize(("complaints", "is_red"), [(0, False), (1, True)])
def test_the_rates_of_a_week_stand_beside_the_limits_that_stop_mail(
    admin_client: Client, complaints: int, is_red: bool
) -> None:
    for name, value in (("sent", 1000), ("delivered", 990), ("complained", complaints)):
        DailyCount.objects.create(day=NOON.date(), name=name, value=value)

    with time_machine.travel(NOON, tick=False):
        html = admin_client.get("/admin/").content.decode()

    assert "Delivered, as far as the provider tells 99.0%" in page(admin_client)
    assert f"Complained 0.{complaints}0% warns at 0.1%, stops at 0.3%" in page(admin_client)
    assert (f'text-red-400">0.{complaints}0%' in html) is is_red


def test_the_top_papers_are_listed_with_their_parts_and_the_liked_ones_with_their_likes(
    admin_client: Client,
) -> None:
    top, liked, old = a_paper(title="The first"), a_paper(title="The dear"), a_paper()
    parts = {"attention": 1, "gains": [], "new": 0.5, "evidence": 2}
    entry = {"paper": top.canonical_id, "score": 2.5, "parts": parts}
    Edition.objects.create(day=NOON.date(), entries=[entry], formula_version="1")
    for number, (paper, days) in enumerate(((liked, 1), (liked, 2), (old, 8))):
        Interest.objects.create(
            subscriber=subscriber(number),
            kind="like",
            value=paper.canonical_id,
            created_at=NOON - timedelta(days=days),
        )

    words = page(admin_client)

    assert (
        "Top papers The first Score 2.50 · Start of a new paper, fading with the days 0.50" in words
    )
    assert "What readers liked this week The dear Likes 2" in words
    assert old.title not in words


def test_all_is_well_only_once_a_worker_has_reported(admin_client: Client) -> None:
    assert "No worker has reported yet" in page(admin_client)
    Heartbeat.objects.create(name="worker", at=NOON)
    assert "Everything that should run is running." in page(admin_client)


def test_the_age_of_the_queue_is_said(admin_client: Client) -> None:
    digest(1, State.QUEUED, due_at=NOON - timedelta(minutes=20))
    assert "the oldest queued message was due 20 minutes ago" in page(admin_client)


def test_a_quiet_source_and_an_old_edition_are_described_in_words(admin_client: Client) -> None:
    Source.objects.create(
        name="arxiv",
        kind="arxiv-rss",
        last_status=Source.Status.QUIET,
        last_result="arXiv announces nothing on weekends.",
        last_run_at=NOON - timedelta(minutes=20),
    )
    Edition.objects.create(day=NOON - timedelta(days=2), entries=[], formula_version="1")

    words = page(admin_client)

    assert "arxiv arXiv announces nothing on weekends. 20 minutes ago" in words
    assert "of 2025-03-10 and holds 0 papers" in words


def test_a_source_that_fails_stands_first_in_an_alarming_tone_with_how_often(
    admin_client: Client,
) -> None:
    for name, status, failures, enabled in (
        ("a-good", Source.Status.OK, 0, True),
        ("b-failing", Source.Status.FAILED, 7, True),
        ("c-suspect", Source.Status.SUSPECT, 1, True),
        ("d-off", Source.Status.FAILED, 9, False),
    ):
        Source.objects.create(
            name=name,
            kind="arxiv-rss",
            last_status=status,
            last_result=f"What came of {name}.",
            consecutive_failures=failures,
            enabled=enabled,
        )

    words = page(admin_client)

    assert "The source b-failing has never succeeded." in words
    _, _, words = words.partition("Sources b-")
    words = f"b-{words}"
    assert re.findall(r"[a-d]-\S+ [^.]*\.", words) == [
        "b-failing failed, 7 in a row What came of b-failing.",
        "c-suspect suspect What came of c-suspect.",
        "a-good What came of a-good.",
        "d-off What came of d-off.",
    ]
    html = admin_client.get("/admin/").content.decode()
    [label] = re.findall(r'<span class="([^"]*)"\s*>\s*failed, 7 in a row', html)
    assert "text-red-700" in label


def test_a_worker_that_fell_silent_and_a_stream_that_stands_still_are_named(
    admin_client: Client,
) -> None:
    Heartbeat.objects.create(name="worker", at=NOON)
    Stream.objects.create(name="digests", paused_at=NOON, paused_reason="Too many complaints.")

    assert "Worker running last report a moment ago" in page(
        admin_client, NOON + timedelta(seconds=59)
    )
    assert "Worker running last report 1 minute ago" in page(
        admin_client, NOON + timedelta(minutes=1)
    )
    assert "Worker not reporting last report 5 minutes ago" in page(
        admin_client, NOON + timedelta(minutes=5)
    )
    assert "Streams paused digests: Too many complaints." in page(admin_client)


def test_a_fresh_service_says_what_is_missing(admin_client: Client) -> None:
    words = page(admin_client)

    assert "no report yet; start it" in words
    assert "The first fetch is running" in words
    assert "No edition yet" in words
