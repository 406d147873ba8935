"""``manage.py preview_digest``: exactly what would be sent, and no trace of having looked."""

from __future__ import annotations

import email
import email.policy
import io

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from newsletter.models import Digest, Subscriber, UnsubscribeToken
from tests.factories import a_paper, a_subscriber

pytestmark = pytest.mark.django_db


def preview(*arguments: str) -> str:
    out = io.StringIO()
    call_command("preview_digest", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("form", ["html", "text", "eml"])
def test_every_form_shows_the_paper_and_changes_nothing(form: str) -> None:
    a_paper(title="Attention at rest")
    person = a_subscriber()
    before = Subscriber.objects.values().get()
    assert "Attention at rest" in preview(person.email, "--format", form)
    assert Subscriber.objects.values().get() == before
    assert not Digest.objects.exists()
    assert not UnsubscribeToken.objects.exists()


def test_the_eml_form_is_a_whole_message_to_that_subscriber() -> None:
    a_paper()
    person = a_subscriber()
    text = preview(person.email, "--format", "eml")
    message = email.message_from_string(text, policy=email.policy.default)
    assert message["To"] == person.email
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


@pytest.mark.parametrize("address", ["nobody@example.org", "no address"])
def test_an_unknown_address_is_named(address: str) -> None:
    with pytest.raises(CommandError, match=address):
        preview(address)


def test_somebody_who_is_not_active_is_said_to_get_no_digest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    a_paper(title="Attention at rest")
    assert "Attention at rest" in preview(a_subscriber(status=Subscriber.Status.PAUSED).email)
    assert "is paused: no digest is sent while that lasts." in capsys.readouterr().err


def test_a_mail_that_may_not_leave_is_refused_in_one_sentence(settings: Settings) -> None:
    settings.POSTAL_ADDRESS = ""
    a_paper()
    with pytest.raises(CommandError, match="set POSTAL_ADDRESS"):
        preview(a_subscriber().email)
    assert not UnsubscribeToken.objects.exists()


def test_somebody_who_would_get_nothing_is_told_why() -> None:
    with pytest.raises(CommandError, match="There are no papers yet"):
        preview(a_subscriber().email)
