"""Searches and pages of long lists: whole addresses and ids first, far pages by the index."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import Client
from django.utils.timezone import now

from newsletter.admin import searches
from newsletter.models import Consent, DeliveryEvent, Digest, Notice, Subscriber
from papers.admin import large_tables
from papers.admin.base import url_of, url_of_list
from papers.admin.large_tables import EstimatingPaginator
from papers.models import Paper
from tests.factories import a_digest, a_paper, a_subscriber

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("operator"))
    return client


def found(client: Client, model: type[Model], typed: str) -> set[Model]:
    """The rows that the list shows for what was typed."""
    page = client.get(url_of_list(model, q=typed)).content.decode()
    listed = page[page.index('id="result_list"') :] if 'id="result_list"' in page else ""
    return {row for row in model._default_manager.all() if f"{url_of(row)}?" in listed}


@pytest.fixture
def digests() -> list[Digest]:
    people = [a_subscriber(email=f"{name}@Example.org") for name in ("ada", "adam", "bob")]
    rows = [a_digest(to=person, items=[]) for person in people]
    for state, row in zip(("sent", "failed", "sent"), rows, strict=True):
        message_id = f"<digest.{row.pk}@papers.example.org>"
        row.state, row.message_id, row.provider_id = state, message_id, f"provider-{row.pk}"
        row.save()
    return rows


def test_a_digest_is_found_by_the_whole_address_before_others_that_hold_it(
    operator: Client, digests: list[Digest]
) -> None:
    assert found(operator, Digest, " ADA@example.org ") == {digests[0]}
    assert found(operator, Digest, "ada") == {digests[0], digests[1]}
    assert found(operator, Digest, "nobody") == set()


def test_a_digest_is_found_by_each_of_its_ids_whatever_its_state(
    operator: Client, digests: list[Digest]
) -> None:
    for row in digests[:2]:
        ids = (row.message_id, row.message_id.strip("<>"), row.provider_id, str(row.public_id))
        assert [found(operator, Digest, typed) for typed in ids] == [{row}] * 4


def test_a_part_that_many_addresses_have_finds_all_of_their_rows(
    operator: Client, digests: list[Digest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searches, "MOST_PEOPLE", 1)
    assert found(operator, Digest, "example") == set(digests)


def test_notices_and_consents_are_found_by_address(operator: Client) -> None:
    ada, bob = a_subscriber(email="ada@example.org"), a_subscriber(email="bob@example.org")
    notices = [Notice.objects.create(kind="manage", subscriber=one) for one in (ada, bob)]
    consents = [Consent.objects.create(subscriber=one, action="sign_up") for one in (ada, bob)]
    assert found(operator, Notice, "ada@example.org") == {notices[0]}
    assert found(operator, Consent, "bob") == {consents[1]}
    assert found(operator, Subscriber, "BOB@example.org") == {bob}


def test_events_are_found_by_address_also_of_people_that_are_gone(operator: Client) -> None:
    a_subscriber(email="bob@example.org")
    gone, bobs = (
        DeliveryEvent.objects.create(
            provider="ses",
            event_key=name,
            type="bounced",
            recipient=f"{name}@example.org",
            email_key=f"{name}@example.org",
            provider_id=f"provider-{name}",
            occurred_at=now(),
        )
        for name in ("gone", "bob")
    )
    assert found(operator, DeliveryEvent, "gone@example.org") == {gone}
    assert found(operator, DeliveryEvent, "provider-gone") == {gone}
    assert found(operator, DeliveryEvent, "bob@") == {bobs}
    page = operator.get(url_of_list(DeliveryEvent, type="bounced", provider="ses")).content
    assert b"bob@example.org" in page


def test_papers_are_found_by_id_by_words_and_when_they_are_hidden(operator: Client) -> None:
    reef = a_paper(title="Coral reefs from space", doi="10.1000/reef")
    hidden = a_paper(title="Coral bleaching", hidden=True)
    a_paper(title="Variable stars")
    assert found(operator, Paper, reef.canonical_id) == {reef}
    assert found(operator, Paper, "10.1000/reef") == {reef}
    assert found(operator, Paper, "reef coral") == {reef}
    assert found(operator, Paper, "coral") == {reef, hidden}


@pytest.mark.parametrize("same", [1, 3, 100])
@pytest.mark.parametrize("order", ["due_at", "-due_at"])
def test_far_pages_hold_the_rows_that_an_offset_would_give(
    monkeypatch: pytest.MonkeyPatch, same: int, order: str
) -> None:
    monkeypatch.setattr(large_tables, "FAR", 10)
    monkeypatch.setattr(large_tables, "SAME", 5)
    person, moment = a_subscriber(), now()
    Digest.objects.bulk_create(
        Digest(
            subscriber=person,
            due_on=(moment - timedelta(days=n)).date(),
            due_at=moment - timedelta(hours=n // same),
        )
        for n in range(40)
    )
    rows = Digest.objects.order_by(order, "-pk")
    paginator = EstimatingPaginator(rows, 4)
    pages = [list(paginator.page(number)) for number in paginator.page_range]
    assert [row for page in pages for row in page] == list(rows)
