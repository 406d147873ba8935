"""The page for exporting and erasing personal data, whose link comes by mail."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.apps import apps
from django.core import serializers
from django.test import Client
from django.utils.timezone import now

from newsletter import jobs
from newsletter.mail import messages
from newsletter.models import Digest, Notice, Subscriber, Suppression
from newsletter.security import tokens
from newsletter.subscriptions import privacy, suppressions
from tests.factories import a_digest, a_subscriber

pytestmark = pytest.mark.django_db


@pytest.fixture
def subscriber() -> Subscriber:
    return a_subscriber(email="ada@example.org")


@pytest.fixture
def path(subscriber: Subscriber) -> str:
    privacy.request_link(subscriber, now())
    return f"/privacy/{tokens.privacy_token(Notice.objects.get())}/"


def everything() -> str:
    models = [*apps.get_app_config("newsletter").get_models()]
    return "".join(serializers.serialize("json", model._default_manager.all()) for model in models)


def test_the_mail_leads_to_the_page(reader: Client, subscriber: Subscriber, path: str) -> None:
    jobs.send_notices()
    notice = Notice.objects.get()
    assert notice.state == "sent"
    page = reader.get(path)
    assert subscriber.email in page.content.decode()
    assert page["Referrer-Policy"] == "no-referrer"
    assert page["Cache-Control"] == "no-store"


def test_a_person_gets_everything_about_them_and_no_token(
    reader: Client, subscriber: Subscriber, path: str
) -> None:
    token = tokens.unsubscribe_token(subscriber)
    a_digest(to=subscriber)
    a_digest(to=a_subscriber(email="bob@example.org"))
    preferences = f"/preferences/{tokens.preferences_token(subscriber)}/"
    reader.post(preferences, {"size": "4", "authors": "Grace Hopper", "names": "Ada Byron"})
    response = reader.post(path, {"action": "export"})
    assert response["Content-Disposition"].startswith("attachment")
    data = response.json()
    assert data["subscription"]["email"] == "ada@example.org"
    assert data["choices"]["authors"] == ["Grace Hopper"]
    assert data["choices"]["names"] == ["Ada Byron"]
    assert [line["action"] for line in data["consent_log"]] == ["change"]
    assert len(data["digests"]) == 1
    subscriber.refresh_from_db()
    text = response.content.decode()
    for secret in (token, subscriber.sealed_token, subscriber.public_id.hex, "bob@"):
        assert secret not in text


def test_erasing_asks_once_and_leaves_only_a_keyed_hash(
    reader: Client, subscriber: Subscriber, path: str
) -> None:
    a_digest(to=subscriber)
    assert reader.post(path, {"action": "erase"}).status_code == 400
    assert Subscriber.objects.exists()
    assert reader.post(path, {"action": "erase", "sure": "yes"}).status_code == 200
    assert subscriber.email not in everything()
    assert not Digest.objects.exists()
    assert Suppression.objects.get().email_key == ""
    gone = reader.get(path)
    assert gone.status_code == 404
    assert "What this link belonged to was erased." in gone.content.decode()
    assert "cut long links" not in gone.content.decode()


def test_looking_and_an_unknown_action_change_nothing(reader: Client, path: str) -> None:
    before = everything()
    reader.get(path)
    reader.head(path)
    reader.post(path)
    reader.post(path, {"action": "delete", "sure": "yes"})
    assert everything() == before


def test_the_link_works_for_a_day(reader: Client, path: str) -> None:
    with time_machine.travel(now() + timedelta(hours=23)):
        assert reader.get(path).status_code == 200
    with time_machine.travel(now() + timedelta(hours=25)):
        response = reader.post(path, {"action": "erase", "sure": "yes"})
    assert response.status_code == 410
    assert "has expired" in response.content.decode()
    assert Subscriber.objects.exists()


@pytest.mark.parametrize("purpose", ["preferences", "unsubscribe", "digest", "confirm"])
def test_no_other_link_opens_the_page(
    reader: Client, subscriber: Subscriber, path: str, purpose: str
) -> None:
    digest = a_digest(to=subscriber)
    token = {
        "preferences": tokens.preferences_token(subscriber),
        "unsubscribe": tokens.unsubscribe_token(subscriber),
        "digest": tokens.digest_token(digest),
        "confirm": tokens.privacy_token(Notice.objects.get()).replace("-", "_"),
    }[purpose]
    assert reader.post(f"/privacy/{token}/", {"action": "erase", "sure": "yes"}).status_code == 404
    assert Subscriber.objects.exists()


def test_the_mail_goes_to_who_paused_or_left_and_not_to_the_suppressed() -> None:
    for status in ("paused", "unsubscribed", "active"):
        privacy.request_link(a_subscriber(status=status), now())
    bounced = a_subscriber()
    suppressions.suppress(bounced.email, Suppression.Reason.HARD_BOUNCE)
    privacy.request_link(bounced, now())
    jobs.send_notices()
    found = dict(Notice.objects.values_list("subscriber__status", "state"))
    assert found == {
        "paused": "sent",
        "unsubscribed": "sent",
        "active": "sent",
        "suppressed": "cancelled",
    }


def test_the_mail_says_what_it_is_for_and_shows_the_link_in_both_parts(path: str) -> None:
    message = messages.privacy_message(Notice.objects.get())
    assert path in str(message.body)
    assert path in str(message.alternatives[0][0])
    assert message.to == ["ada@example.org"]
