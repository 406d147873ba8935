"""Who erased their address can sign it up again; nobody else can bring it back."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils.timezone import now

from newsletter import jobs
from newsletter.models import Consent, Notice, Subscriber, Suppression
from newsletter.security import tokens
from newsletter.security.email_addresses import parse
from newsletter.subscriptions import consent_log, privacy, suppressions
from newsletter.subscriptions import service as subscriptions
from tests.factories import a_subscriber

pytestmark = pytest.mark.django_db
WEB = consent_log.ActionOrigin("test")
ADDRESS = "ada@example.org"


@pytest.fixture(autouse=True)
def erased() -> None:
    privacy.erase(a_subscriber(email=ADDRESS))


def sign_up() -> Consent:
    subscriptions.sign_up(parse(ADDRESS), ADDRESS, {}, WEB)
    return Consent.objects.latest("pk")


def test_signing_up_again_sends_one_confirmation_mail() -> None:
    sign_up()
    jobs.send_notices()
    assert Notice.objects.get().state == "sent"
    with time_machine.travel(now() + timedelta(hours=1)):
        sign_up()
        jobs.send_notices()
    assert list(Notice.objects.order_by("pk").values_list("state", flat=True)) == [
        "sent",
        "cancelled",
    ]
    assert suppressions.is_suppressed(ADDRESS)


def test_confirming_lifts_the_suppression() -> None:
    request = tokens.consent_of_confirm_token(tokens.confirm_token(sign_up()))
    subscriptions.confirm(request, WEB)
    assert Subscriber.objects.get().status == "active"
    assert not Suppression.objects.exists()


def test_not_confirming_leaves_the_hash_and_nothing_else() -> None:
    sign_up()
    subscriptions.clean_up(now() + timedelta(days=8))
    assert not Subscriber.objects.exists()
    assert Suppression.objects.get().email_key == ""


def test_another_suppression_is_not_lifted_by_confirming() -> None:
    request = sign_up()
    suppressions.suppress(ADDRESS, Suppression.Reason.COMPLAINT)
    with pytest.raises(tokens.ExpiredTokenError):
        subscriptions.confirm(request, WEB)
    assert Suppression.objects.get().reason == "complaint"
