"""An unsubscription is taken back within an hour of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client

from newsletter.models import Consent, Interest, Subscriber
from newsletter.security import tokens
from newsletter.subscriptions import service as subscriptions
from newsletter.subscriptions import suppressions
from newsletter.subscriptions.consent_log import ActionOrigin
from tests.factories import a_digest, a_subscriber
from tests.newsletter.web.test_token_pages import NOON, everything

pytestmark = pytest.mark.django_db

Status = Subscriber.Status


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def subscriber() -> Subscriber:
    person = a_subscriber(email="ada@example.org", next_digest_at=NOON + timedelta(hours=2))
    Interest.objects.create(subscriber=person, kind="topic", value="cs.CL")
    return person


def undo_path(page: str) -> str:
    found = re.search(r'action="(/unsubscribe/undo/[^"]+)"', page)
    return found[1] if found else ""


def leave(reader: Client, subscriber: Subscriber) -> str:
    """Unsubscribe by the button of the page; return the path that takes it back."""
    path = f"/unsubscribe/{tokens.unsubscribe_token(subscriber)}/"
    form = re.search(r'method="post" action="([^"]+)"', reader.get(path).content.decode())
    assert form
    return undo_path(reader.post(form[1]).content.decode())


def test_undo_makes_everything_as_it_was_and_is_logged(
    reader: Client, subscriber: Subscriber
) -> None:
    path = leave(reader, subscriber)
    for _ in range(2):
        assert "You are subscribed" in reader.post(path).content.decode()
    subscriber.refresh_from_db()
    assert subscriber.status == Status.ACTIVE
    assert subscriber.next_digest_at == datetime(2025, 3, 4, 8, tzinfo=UTC)
    assert subscriber.interests.get().value == "cs.CL"
    left, back = Consent.objects.order_by("pk")
    assert (left.action, back.action) == ("unsubscribe", "resume")
    assert (back.form, back.choices["undone"]) == ("undo of an unsubscription", left.pk)


def test_a_pause_is_a_pause_again_with_its_end(reader: Client, subscriber: Subscriber) -> None:
    until = NOON + timedelta(days=7)
    subscriptions.pause(subscriber, until, ActionOrigin("preferences page"))
    reader.post(leave(reader, subscriber))
    subscriber.refresh_from_db()
    assert (subscriber.status, subscriber.paused_until) == (Status.PAUSED, until)
    assert subscriber.next_digest_at is None


def test_opening_the_link_changes_nothing(reader: Client, subscriber: Subscriber) -> None:
    path = leave(reader, subscriber)
    before = everything()
    assert reader.get(path).status_code == reader.head(path).status_code == 200
    assert everything() == before


def test_after_an_hour_it_is_neither_offered_nor_done(
    reader: Client, subscriber: Subscriber, clock: time_machine.Traveller
) -> None:
    path = leave(reader, subscriber)
    clock.shift(timedelta(minutes=61))
    assert reader.post(path).status_code == 410
    unsubscribe = f"/unsubscribe/{tokens.unsubscribe_token(subscriber)}/"
    assert undo_path(reader.get(unsubscribe).content.decode()) == ""
    subscriber.refresh_from_db()
    assert subscriber.status == Status.UNSUBSCRIBED


def test_no_other_token_undoes_and_this_one_does_nothing_else(
    reader: Client, subscriber: Subscriber
) -> None:
    path = leave(reader, subscriber)
    token = path.split("/")[3]
    for other in ("preferences", "unsubscribe", "confirm", "privacy"):
        assert reader.get(f"/{other}/{token}/").status_code == 404
    for wrong in (
        tokens.preferences_token(subscriber),
        tokens.unsubscribe_token(subscriber),
        tokens.confirm_token(Consent.objects.get()),
    ):
        assert reader.post(f"/unsubscribe/undo/{wrong}/").status_code == 404
    subscriber.refresh_from_db()
    assert subscriber.status == Status.UNSUBSCRIBED


def test_an_address_that_was_suppressed_meanwhile_stays_so(
    reader: Client, subscriber: Subscriber
) -> None:
    path = leave(reader, subscriber)
    suppressions.suppress(subscriber.email, "complaint")
    assert reader.post(path).status_code == 410
    subscriber.refresh_from_db()
    assert subscriber.status == Status.SUPPRESSED


def test_what_was_cancelled_stays_so_and_its_day_gets_no_second_digest(
    reader: Client, subscriber: Subscriber
) -> None:
    digest = a_digest(to=subscriber, due_on=NOON.date())
    reader.post(leave(reader, subscriber))
    digest.refresh_from_db()
    subscriber.refresh_from_db()
    assert digest.state == "cancelled"
    assert subscriber.next_digest_at is not None
    assert subscriber.next_digest_at.date() > NOON.date()


def test_who_never_confirmed_is_offered_no_undo(reader: Client) -> None:
    person = a_subscriber(status=Status.PENDING, confirmed_at=None, next_digest_at=None)
    assert leave(reader, person) == ""


def test_the_preferences_page_offers_it_too(reader: Client, subscriber: Subscriber) -> None:
    path = f"/preferences/{tokens.preferences_token(subscriber)}/"
    assert undo_path(reader.post(path, {"action": "unsubscribe"}).content.decode())
