"""The two mails that answer a sign-up: they ask or they tell, and repeat nothing typed."""

from __future__ import annotations

from email import message_from_bytes, policy

import pytest
from django.core.mail import get_connection
from pytest_django import Settings

from newsletter.mail import messages
from newsletter.models import Consent, Notice, Subscriber
from newsletter.security import tokens
from tests.factories import a_subscriber
from tests.sink import Sink

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def addresses(settings: Settings) -> None:
    settings.SITE_URL = "https://papers.example.org"
    settings.DEFAULT_FROM_EMAIL = "Paperboy <digest@papers.example.org>"
    settings.NOTICE_FROM_EMAIL = "Paperboy <hello@papers.example.org>"
    settings.CONTACT_EMAIL = "editor@papers.example.org"


def notice_of(kind: Notice.Kind, person: Subscriber | None = None) -> Notice:
    person = person or a_subscriber(email="ada@example.org")
    typed = {"interests": "BUY PILLS at http://spam.example", "name": "Dear winner"}
    consent = Consent.objects.create(
        subscriber=person,
        action=Consent.Action.SIGN_UP,
        email_as_typed="Ada@Example.ORG",
        form="home",
        choices=typed,
        user_agent="BUY PILLS",
    )
    return Notice.objects.create(kind=kind, subscriber=person, consent=consent)


def test_the_confirmation_holds_both_links_the_deadline_and_who_runs_it() -> None:
    notice = notice_of(Notice.Kind.CONFIRM)
    assert notice.consent
    message = messages.confirm_message(notice)
    link = tokens.url_for("confirm", tokens.confirm_token(notice.consent))
    for part in (message.body, message.alternatives[0][0]):
        assert link in part
        assert f"{link}?not-me" in part
        assert "72 hours" in part
        assert "editor@papers.example.org" in part
        assert "Example Street" in part


def test_the_confirmation_repeats_nothing_that_was_typed() -> None:
    message = messages.confirm_message(notice_of(Notice.Kind.CONFIRM))
    body = message.message().as_string().partition("\n\n")[2]
    for typed in ("PILLS", "spam.example", "winner", "Ada@", "ada@example.org"):
        assert typed not in body
        assert typed not in message.subject


def test_a_confirmation_without_its_request_is_refused() -> None:
    notice = Notice.objects.create(kind=Notice.Kind.CONFIRM, subscriber=a_subscriber())
    with pytest.raises(messages.IncompleteMessageError, match="request"):
        messages.confirm_message(notice)


def test_somebody_who_signs_up_again_gets_their_links() -> None:
    notice = notice_of(Notice.Kind.MANAGE)
    message = messages.manage_message(notice)
    unsubscribe = tokens.url_for("unsubscribe", tokens.unsubscribe_token(notice.subscriber))
    preferences = tokens.url_for("preferences", tokens.preferences_token(notice.subscriber))
    for part in (message.body, message.alternatives[0][0]):
        assert "already subscribed" in part
        assert unsubscribe in part
        assert preferences in part
    assert message.extra_headers["List-Unsubscribe"] == f"<{unsubscribe}>"


@pytest.mark.parametrize("render", [messages.confirm_message, messages.manage_message])
def test_a_notice_without_a_postal_address_is_refused(settings: Settings, render: object) -> None:
    settings.POSTAL_ADDRESS = ""
    with pytest.raises(messages.IncompleteMessageError, match="POSTAL_ADDRESS"):
        render(notice_of(Notice.Kind.CONFIRM))  # type: ignore[operator]


def test_a_confirmation_arrives_from_its_own_address_as_an_automatic_mail(sink: Sink) -> None:
    notice = notice_of(Notice.Kind.CONFIRM)
    get_connection().send_messages([messages.confirm_message(notice)])
    [message] = sink.messages
    assert message["From"] == "Paperboy <hello@papers.example.org>"
    assert message["To"] == "ada@example.org"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"] == f"<notice.{notice.public_id.hex}@papers.example.org>"
    assert message["List-Unsubscribe"] is None
    assert message["Feedback-ID"] == "confirm:papersexampleor"


def test_a_notice_is_the_same_bytes_each_time() -> None:
    notice = notice_of(Notice.Kind.CONFIRM)
    first, again = (messages.confirm_message(notice).message().as_bytes() for _ in range(2))
    assert first == again
    parsed = message_from_bytes(first, policy=policy.default)
    assert [part.get_content_type() for part in parsed.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
