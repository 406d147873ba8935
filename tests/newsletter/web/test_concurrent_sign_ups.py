"""Many requests for one address at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from newsletter.models import Consent, Notice, Subscriber
from newsletter.security.email_addresses import parse
from newsletter.subscriptions import service as subscriptions
from newsletter.subscriptions.consent_log import ActionOrigin
from newsletter.subscriptions.preferences import Choices

THREADS = 8


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_eight_requests_at_once_make_one_subscriber_and_one_mail() -> None:
    def ask(_: int) -> None:
        try:
            subscriptions.sign_up(
                parse("ada@example.org"), "ada@example.org", Choices(), ActionOrigin("sign-up form")
            )
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(ask, range(THREADS * 3)))
    assert (Subscriber.objects.count(), Consent.objects.count(), Notice.objects.count()) == (
        1,
        1,
        1,
    )
