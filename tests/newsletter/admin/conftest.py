"""An operator who is logged in, a reader and a paper."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import now

from newsletter.models import (
    Subscriber,
)
from papers.models import Paper


@pytest.fixture
def operator(db: None, client: Client) -> User:
    user = User.objects.create_superuser("operator", "operator@example.org")
    client.force_login(user)
    return user


@pytest.fixture
def reader(db: None) -> Subscriber:
    return Subscriber.objects.create(
        email="ada@example.org",
        email_key="ada@example.org",
        status=Subscriber.Status.ACTIVE,
        confirmed_at=now(),
        next_digest_at=now() + timedelta(hours=3),
    )


@pytest.fixture
def paper(db: None) -> Paper:
    return Paper.objects.create(
        canonical_id="2503.01234",
        title_key="k",
        title="Attention & <b>patience</b>",
        abstract="We wait.",
        authors=["A. Author"],
        announced_at=now() - timedelta(hours=1),
        trending=1.0,
    )
