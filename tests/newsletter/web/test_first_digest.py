"""Who confirms without having chosen is led to the choices before the first digest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from newsletter.delivery import rendering
from newsletter.digests import assembly
from newsletter.models import Consent, Digest, Notice, RateLimit, Subscriber
from newsletter.security import tokens
from newsletter.security.email_addresses import parse
from newsletter.subscriptions import service as subscriptions
from newsletter.subscriptions.consent_log import ActionOrigin
from newsletter.subscriptions.preferences import Choices
from tests.factories import a_paper

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
FORM = ActionOrigin("sign-up form")


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def asked(**choices: list[str]) -> str:
    """Sign up and return the path of the confirmation page."""
    chosen = Choices(**choices)  # type: ignore[typeddict-item]
    subscriptions.sign_up(parse("ada@example.org"), "ada@example.org", chosen, FORM)
    consent = Consent.objects.filter(action=Consent.Action.SIGN_UP).latest("pk")
    return reverse("confirm", args=[tokens.confirm_token(consent)])


def reader_of_digests() -> Subscriber:
    return Subscriber.objects.get()


def test_confirming_leads_to_the_choices(client: Client) -> None:
    response = client.post(asked())
    assert response.status_code == 303
    page = client.get(response["Location"]).content.decode()
    assert "You are subscribed." in page
    assert '<button class="button button-quiet" type="submit" name="send" value="now">' in page
    assert reader_of_digests().next_digest_at == NOON + timedelta(minutes=15)


def test_who_chose_before_gets_the_first_digest_at_once(client: Client) -> None:
    assert client.post(asked(topics=["cs.CL"])).status_code == 200
    assert reader_of_digests().next_digest_at == NOON


def test_saving_the_choices_sends_the_first_digest(
    client: Client, clock: time_machine.Traveller
) -> None:
    preferences = client.post(asked())["Location"]
    clock.move_to(NOON + timedelta(minutes=2))
    assert client.post(preferences, {"topics": "cs.CL"}).status_code == 200
    assert reader_of_digests().next_digest_at == NOON + timedelta(minutes=2)


def test_send_it_now_sends_it_now_and_once(client: Client, clock: time_machine.Traveller) -> None:
    a_paper(announced_at=NOON - timedelta(hours=1))
    preferences = client.post(asked())["Location"]
    clock.move_to(NOON + timedelta(minutes=2))
    page = client.post(preferences, {"send": "now"}).content.decode()
    assert "Your first digest is on its way." in page
    assert len(assembly.assemble(NOON + timedelta(minutes=2))) == 1
    client.post(preferences, {"send": "now"})
    assert assembly.assemble(NOON + timedelta(minutes=3)) == []
    assert Digest.objects.count() == 1


def test_after_a_quarter_of_an_hour_it_comes_by_itself(client: Client) -> None:
    a_paper(announced_at=NOON - timedelta(hours=1))
    client.post(asked())
    assert assembly.assemble(NOON + timedelta(minutes=14)) == []
    assert len(assembly.assemble(NOON + timedelta(minutes=15))) == 1


def test_looking_changes_nothing(client: Client) -> None:
    preferences = client.post(asked())["Location"]
    client.get(preferences, {"send": "now"})
    assert reader_of_digests().next_digest_at == NOON + timedelta(minutes=15)


def test_the_choices_of_a_subscriber_change_only_after_confirming(client: Client) -> None:
    client.post(asked(topics=["cs.CL"]))
    asked(topics=["math.AG"])
    assert list(reader_of_digests().interests.values_list("value", flat=True)) == ["cs.CL"]


def test_a_subscriber_is_mailed_a_link_to_confirm_new_choices(client: Client) -> None:
    client.post(asked(topics=["cs.CL"]))
    RateLimit.objects.all().delete()
    path = asked(topics=["math.AG"])
    notice = Notice.objects.latest("pk")
    [(_, message)] = rendering.render_notices([notice])
    assert not isinstance(message, Exception)
    assert notice.kind == Notice.Kind.MANAGE
    assert path in message.body


def test_confirming_once_more_takes_the_new_choices(
    client: Client, clock: time_machine.Traveller
) -> None:
    client.post(asked(topics=["cs.CL"]))
    clock.move_to(NOON + timedelta(hours=1))
    path = asked(topics=["math.AG"])
    assert "Yes, use these choices" in client.get(path).content.decode()
    client.post(path)
    assert list(reader_of_digests().interests.values_list("value", flat=True)) == ["math.AG"]
    client.post(path)
    assert reader_of_digests().consents.filter(action="confirm").count() == 2
