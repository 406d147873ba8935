"""Links act for one person and one purpose, and outlive what they have to outlive."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.utils.timezone import now
from pytest_django import Settings

from newsletter.models import Consent, Digest, Subscriber, UnsubscribeToken
from newsletter.security import tokens

pytestmark = pytest.mark.django_db


@pytest.fixture
def subscriber() -> Subscriber:
    return Subscriber.objects.create(email="ada@example.org", email_key="ada@example.org")


@pytest.fixture
def digest(subscriber: Subscriber) -> Digest:
    items = [{"paper": "2503.01234"}, {"paper": "hep-th/9901001"}]
    return Digest.objects.create(
        subscriber=subscriber, due_on=date(2025, 3, 3), due_at=now(), items=items
    )


@pytest.fixture
def consent(subscriber: Subscriber) -> Consent:
    return Consent.objects.create(subscriber=subscriber, action=Consent.Action.SIGN_UP)


def test_every_mail_repeats_the_same_unsubscribe_link(subscriber: Subscriber) -> None:
    first = tokens.unsubscribe_token(subscriber)
    again = tokens.unsubscribe_token(Subscriber.objects.get())
    assert first == again
    assert tokens.subscriber_of_unsubscribe_token(first) == subscriber


def test_the_database_alone_does_not_give_the_unsubscribe_link_away(subscriber: Subscriber) -> None:
    token = tokens.unsubscribe_token(subscriber)
    stored = Subscriber.objects.values_list("sealed_token", flat=True).get()
    assert token not in stored + UnsubscribeToken.objects.get().token_hash


def test_an_old_unsubscribe_link_works_after_the_secret_key_was_lost(
    subscriber: Subscriber, settings: Settings
) -> None:
    old = tokens.unsubscribe_token(subscriber)
    settings.SECRET_KEY = "another key, and no fallback to the one before"
    new = tokens.unsubscribe_token(Subscriber.objects.get())
    assert new != old
    assert tokens.subscriber_of_unsubscribe_token(old) == subscriber
    assert tokens.subscriber_of_unsubscribe_token(new) == subscriber


@pytest.mark.parametrize("damaged", ["", "AAAA", "not base64!", "schlüssel", "A" * 68])
def test_a_damaged_copy_of_the_link_is_replaced(subscriber: Subscriber, damaged: str) -> None:
    old = tokens.unsubscribe_token(subscriber)
    Subscriber.objects.update(sealed_token=damaged)
    new = tokens.unsubscribe_token(Subscriber.objects.get())
    assert new == tokens.unsubscribe_token(Subscriber.objects.get()) != old
    assert tokens.subscriber_of_unsubscribe_token(old) == subscriber


def test_links_survive_a_rotation_of_the_secret_key(
    subscriber: Subscriber, consent: Consent, settings: Settings
) -> None:
    unsubscribe, confirm = tokens.unsubscribe_token(subscriber), tokens.confirm_token(consent)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "the key of the next year"
    assert tokens.unsubscribe_token(Subscriber.objects.get()) == unsubscribe
    assert tokens.consent_of_confirm_token(confirm) == consent


def test_two_senders_that_mint_at_once_agree_on_one_link(subscriber: Subscriber) -> None:
    stale = Subscriber.objects.get()
    assert tokens.unsubscribe_token(subscriber) == tokens.unsubscribe_token(stale)
    assert UnsubscribeToken.objects.count() == 1


def test_the_unsubscribe_address_is_short_enough_for_one_header_line(
    subscriber: Subscriber, settings: Settings
) -> None:
    settings.SITE_URL = "https://papers.example.org"
    assert len(tokens.url_for("unsubscribe", tokens.unsubscribe_token(subscriber))) <= 70


def test_a_confirmation_link_works_for_three_days_and_no_longer(consent: Consent) -> None:
    token = tokens.confirm_token(consent)
    with time_machine.travel(consent.at + timedelta(hours=71), tick=False):
        assert tokens.consent_of_confirm_token(token) == consent
    with (
        time_machine.travel(consent.at + timedelta(hours=73), tick=False),
        pytest.raises(tokens.ExpiredTokenError),
    ):
        tokens.consent_of_confirm_token(token)


def test_a_confirmation_link_is_bound_to_the_address_it_was_sent_to(consent: Consent) -> None:
    token = tokens.confirm_token(consent)
    Subscriber.objects.update(email_key="mallory@example.org")
    with pytest.raises(tokens.InvalidTokenError):
        tokens.consent_of_confirm_token(token)


def test_a_token_for_one_purpose_fails_for_every_other(
    subscriber: Subscriber, consent: Consent, digest: Digest
) -> None:
    readers = {
        "confirm": tokens.consent_of_confirm_token,
        "preferences": tokens.subscriber_of_preferences_token,
        "digest": tokens.digest_of_digest_token,
        "feedback": tokens.read_feedback_token,
        "rate-papers": tokens.digest_of_rate_papers_token,
    }
    made = {
        "confirm": tokens.confirm_token(consent),
        "preferences": tokens.preferences_token(subscriber),
        "digest": tokens.digest_token(digest),
        "feedback": tokens.feedback_token(digest, 0, "up"),
        "rate-papers": tokens.rate_papers_token(digest),
        "unsubscribe": tokens.unsubscribe_token(subscriber),
    }
    for purpose, token in made.items():
        for other, read in readers.items():
            if other != purpose:
                with pytest.raises(tokens.InvalidTokenError):
                    read(token)
        if purpose != "unsubscribe":
            assert tokens.subscriber_of_unsubscribe_token(token) is None


def test_feedback_names_the_paper_and_the_verdict(digest: Digest) -> None:
    token = tokens.feedback_token(digest, 1, "down")
    assert tokens.read_feedback_token(token) == (digest, "hep-th/9901001", "down")


@pytest.mark.parametrize("suffix", ["2.up", "-1.up", "0.sideways", "", "0", "9999.up", "²·up"])
def test_feedback_about_something_that_was_not_in_the_mail_is_refused(
    digest: Digest, suffix: str
) -> None:
    stem = tokens.feedback_token(digest, 0, "up").removesuffix("0.up")
    with pytest.raises(tokens.InvalidTokenError):
        tokens.read_feedback_token(stem + suffix)


def test_the_same_mail_made_twice_has_the_same_links(digest: Digest, consent: Consent) -> None:
    made = []
    for moment in (datetime(2025, 3, 3, tzinfo=UTC), datetime(2025, 3, 5, tzinfo=UTC)):
        with time_machine.travel(moment, tick=False):
            made.append(
                [
                    tokens.unsubscribe_token(digest.subscriber),
                    tokens.preferences_token(digest.subscriber),
                    tokens.digest_token(digest),
                    tokens.feedback_token(digest, 0, "up"),
                    tokens.rate_papers_token(digest),
                    tokens.confirm_token(consent),
                ]
            )
    assert made[0] == made[1]


def test_a_token_of_someone_unknown_is_invalid(subscriber: Subscriber) -> None:
    token = tokens.preferences_token(subscriber)
    subscriber.delete()
    with pytest.raises(tokens.InvalidTokenError):
        tokens.subscriber_of_preferences_token(token)
    with pytest.raises(tokens.InvalidTokenError):
        tokens.digest_of_digest_token(str(uuid.uuid4()))
