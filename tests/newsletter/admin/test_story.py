"""The story of one person, as the operator reads it."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import now

from newsletter.models import (
    Consent,
    DeliveryEvent,
    Digest,
    Subscriber,
    Suppression,
)
from newsletter.subscriptions import suppressions
from papers.admin.base import url_of
from tests.newsletter.admin.actions import digest_of

State = Digest.State


def test_the_story_of_a_person_is_shown_in_one_order(
    operator: User, reader: Subscriber, client: Client
) -> None:
    moment = now()
    Consent.objects.create(
        subscriber=reader,
        action="confirm",
        text_version="v3",
        choices={"interests": ["coral reefs", "tides"]},
        at=moment - timedelta(days=9),
    )
    digest = digest_of(reader, State.FAILED)
    DeliveryEvent.objects.create(
        provider="ses",
        event_key="1",
        type="bounced",
        email_key=reader.email_key,
        digest=digest,
        description="550 <no such user>",
        occurred_at=moment - timedelta(hours=2),
    )
    suppressions.suppress(reader.email, Suppression.Reason.HARD_BOUNCE, "550 no such user")
    html = client.get(url_of(reader)).content.decode()
    told = html[html.index("plain-table story") :]
    assert "text v3; interests: coral reefs, tides" in told
    order = ["Suppressed: hard bounce", "ses reported bounced", "Digest failed", "Confirmed"]
    assert [told.index(words) for words in order] == sorted(told.index(words) for words in order)
    assert "Was suppressed" not in told, "the suppression says it"
    assert "text v3" in told
    assert "550 &lt;no such user&gt;" in told


def test_the_story_names_every_paper_with_its_reason_and_the_end_of_a_pause_as_people_read_it(
    operator: User, reader: Subscriber, client: Client
) -> None:
    digest = digest_of(reader, State.SENT)
    digest.items = [{"paper": f"2503.0000{n}", "reason": f"on thing {n} & more"} for n in range(9)]
    digest.save()
    Consent.objects.create(
        subscriber=reader, action="pause", choices={"until": "2026-12-04T20:36:09.473965+00:00"}
    )
    html = client.get(url_of(reader)).content.decode()
    told = html[html.index("plain-table story") :]
    assert "<summary>9 papers</summary>" in told
    for number in range(9):
        assert f"<li>2503.0000{number} on thing {number} &amp; more</li>" in told
    assert "until: 4 Dec 2026, 20:36 UTC" in told
