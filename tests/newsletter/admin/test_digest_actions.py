"""Previews, tests, and digests that are sent once more."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core import mail
from django.test import Client
from pytest_django import Settings

from newsletter.models import (
    Digest,
    Stream,
    Subscriber,
    Suppression,
)
from newsletter.subscriptions import suppressions
from papers.admin.base import url_of, url_of_list
from papers.models import Paper
from tests.newsletter.admin.actions import act, act_with_words, digest_of, ticket_of

State = Digest.State


def test_the_preview_shows_the_digest_in_a_frame_and_stores_nothing(
    client: Client, operator: User, reader: Subscriber, paper: Paper
) -> None:
    page = client.get(f"{url_of(reader).removesuffix('change/')}preview/").content.decode()

    assert '<iframe class="' in page
    assert " sandbox " in page
    assert "Attention &amp;amp; &amp;lt;b&amp;gt;patience" in page
    assert not Digest.objects.exists()
    assert not reader.tokens.exists()


def test_the_preview_of_somebody_who_would_get_nothing_says_why(
    client: Client, operator: User, reader: Subscriber
) -> None:
    page = client.get(f"{url_of(reader).removesuffix('change/')}preview/").content.decode()

    assert "There are no papers yet." in page


def test_a_digest_that_was_sent_can_be_seen_again(
    client: Client, operator: User, reader: Subscriber, paper: Paper
) -> None:
    digest = digest_of(reader, State.SENT)
    digest.items = [{"paper": "2503.01234", "reason": "new", "slot": "trending", "score": 1.0}]
    digest.save()

    page = client.get(f"{url_of(digest).removesuffix('change/')}see/").content.decode()

    assert "patience" in page


def test_resending_asks_for_words_and_wrong_ones_change_nothing(
    client: Client, operator: User, reader: Subscriber
) -> None:
    digest = digest_of(reader, State.FAILED)

    page = act_with_words(client, "resend", [digest], "yes")

    assert "To go on, type: resend 1" in page
    assert Digest.objects.get().state == State.FAILED


def test_resending_queues_failed_and_uncertain_digests_and_no_others(
    client: Client, operator: User, reader: Subscriber
) -> None:
    states = [State.FAILED, State.UNCERTAIN, State.SENT, State.SKIPPED]
    rows = [digest_of(reader, state, day) for day, state in enumerate(states)]

    act_with_words(client, "resend", rows, "resend 2")

    after = list(Digest.objects.order_by("pk").values_list("state", flat=True))
    assert after == [State.QUEUED, State.QUEUED, State.SENT, State.SKIPPED]
    assert LogEntry.objects.filter(user=operator, change_message="resent").count() == 2


def test_a_second_click_on_the_same_page_does_nothing(
    client: Client, operator: User, reader: Subscriber
) -> None:
    digest = digest_of(reader, State.FAILED)
    ticket = ticket_of(act(client, "resend", [digest]))
    act(client, "resend", [digest], ticket=ticket, typed="resend 1")
    Digest.objects.update(state=State.FAILED)

    page = act(client, "resend", [digest], ticket=ticket, typed="resend 1")

    assert "this was done already" in page
    assert Digest.objects.get().state == State.FAILED


def test_the_button_of_a_digest_leads_to_the_same_question(
    client: Client, operator: User, reader: Subscriber
) -> None:
    digest = digest_of(reader, State.UNCERTAIN)

    page = client.get(f"{url_of(digest).removesuffix('change/')}resend/").content.decode()

    assert f'action="{url_of_list(Digest)}"' in page
    act(client, "resend", [digest], ticket=ticket_of(page), typed="RESEND 1")
    assert Digest.objects.get().state == State.QUEUED


@pytest.mark.parametrize("state", State)
def test_a_digest_offers_to_be_resent_only_when_it_can_be(
    client: Client, operator: User, reader: Subscriber, state: str
) -> None:
    digest = digest_of(reader, state)

    page = client.get(url_of(digest)).content.decode()

    button = f'href="{url_of(digest).removesuffix("change/")}resend/"'
    assert (button in page) is (state in {State.FAILED, State.UNCERTAIN})


@pytest.mark.parametrize(
    ("status", "buttons"),
    [
        ("active", {"unsubscribe", "suppress"}),
        ("unsubscribed", {"suppress"}),
        ("suppressed", set()),
    ],
)
def test_a_subscriber_s_page_offers_only_what_can_still_be_done(
    client: Client, operator: User, reader: Subscriber, status: str, buttons: set[str]
) -> None:
    Subscriber.objects.update(status=status)

    page = client.get(url_of(reader)).content.decode()

    own = url_of(reader).removesuffix("change/")
    assert {
        name for name in ("unsubscribe", "suppress") if f'href="{own}{name}/"' in page
    } == buttons


def test_all_that_match_can_be_resent_at_once(
    client: Client, operator: User, reader: Subscriber
) -> None:
    rows = [digest_of(reader, State.FAILED, day) for day in range(60)]
    page = act(client, "resend", rows[:50], select_across="1")

    act(
        client,
        "resend",
        rows[:1],
        select_across="1",
        ticket=ticket_of(page),
        typed="resend 60",
    )

    assert Digest.objects.filter(state=State.QUEUED).count() == 60


def test_sending_needs_its_own_permission(client: Client, reader: Subscriber, paper: Paper) -> None:
    clerk = User.objects.create_user("clerk", "clerk@example.org", is_staff=True)
    names = ["view_digest", "view_subscriber", "change_subscriber", "view_stream"]
    clerk.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(clerk)
    digest = digest_of(reader, State.FAILED)

    act(client, "resend", [digest], ticket="t", typed="resend 1")
    act(client, "send_test", [reader], ticket="t", typed="send test")

    assert Digest.objects.get().state == State.FAILED
    assert mail.outbox == []
    assert client.get(f"{url_of_list(Stream)}pause/").status_code == 403


def test_a_test_is_offered_to_the_operator_and_goes_elsewhere_without_a_link_that_acts(
    client: Client, operator: User, reader: Subscriber, paper: Paper
) -> None:
    asked = act(client, "send_test", [reader])
    assert 'value="operator@example.org"' in asked
    page = act_with_words(client, "send_test", [reader], "send test", to="bob@example.com")

    assert "on its way to bob@example.com" in page
    [message] = mail.outbox
    assert message.recipients() == ["bob@example.com"]
    assert message.subject.startswith("[Test] ")
    assert "List-Unsubscribe" not in message.message()
    written = message.message().as_string()
    assert "/preferences/" not in written
    assert "/unsubscribe/" not in written
    assert "ada@example.org" not in written
    assert not Digest.objects.exists()
    assert not reader.tokens.exists()
    [entry] = LogEntry.objects.all()
    assert entry.change_message == "sent a test to an address at example.com: sent"


def test_a_test_goes_to_no_suppressed_address(
    client: Client, operator: User, reader: Subscriber, paper: Paper
) -> None:
    suppressions.suppress("bob@example.com", Suppression.Reason.MANUAL)
    page = act_with_words(client, "send_test", [reader], "send test", to="bob@example.com")
    assert "Nothing was sent. bob@example.com is suppressed." in page
    assert mail.outbox == []


def test_a_test_that_cannot_be_sent_says_why(
    client: Client, operator: User, reader: Subscriber, paper: Paper, settings: Settings
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9

    to = "bob@example.com"
    assert "The test failed." in act_with_words(client, "send_test", [reader], "send test", to=to)
