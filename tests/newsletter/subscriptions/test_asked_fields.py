"""The fields that subscribers ask for."""

from __future__ import annotations

import pytest

from newsletter.models import Interest
from papers.ingest import fields
from papers.ingest import service as ingest
from papers.models import Source
from tests.factories import a_subscriber

pytestmark = pytest.mark.django_db


def test_sources_follow_the_fields_of_active_subscribers() -> None:
    for status, field in (("active", "math.AG"), ("active", "cs"), ("pending", "econ.EM")):
        subscriber = a_subscriber(status=status)
        Interest.objects.create(subscriber=subscriber, kind="topic", value=field)
    ingest.ensure_sources()
    fields.follow([], asked=True)
    assert fields.address_of(Source.objects.get(name="arxiv-rss")) == "cs+math.AG"
