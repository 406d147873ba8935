"""Why one person gets a paper or not, asked in the admin."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import now

from newsletter.models import Digest, Interest, Subscriber
from papers.admin.base import url_of
from tests.factories import a_paper, a_subscriber

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("operator"))
    return client


def ask(client: Client, person: Subscriber, paper: str) -> str:
    url = f"{url_of(person).removesuffix('change/')}explain/"
    return client.get(url, {"paper": paper}).content.decode()


def test_the_page_of_a_person_leads_to_the_form(operator: Client) -> None:
    person = a_subscriber()
    assert f"{url_of(person).removesuffix('change/')}explain/" in operator.get(
        url_of(person)
    ).content.decode().replace("&#x2F;", "/")
    assert 'name="paper"' in ask(operator, person, "")


def test_a_paper_is_named_by_its_id_or_its_address(operator: Client) -> None:
    person, paper = a_subscriber(email="ada@example.org"), a_paper(title="Coral reefs")
    for typed in (paper.canonical_id, f"https://arxiv.org/abs/{paper.canonical_id}v2"):
        page = ask(operator, person, typed)
        assert f"ada@example.org would get {paper.canonical_id}: it trends more" in page
        assert "Coral reefs" in page
    assert not Digest.objects.exists()


def test_a_muted_paper_says_what_would_let_it_in(operator: Client) -> None:
    person, paper = a_subscriber(), a_paper(title="Blockchains of today")
    Interest.objects.create(subscriber=person, kind="mute", value="blockchain")
    page = ask(operator, person, paper.canonical_id)
    assert "they muted blockchain" in page
    assert "remove blockchain" in page


def test_an_old_liked_paper_counts_as_in_the_digest(operator: Client) -> None:

    old = a_paper(title="Coral reefs", announced_at=now() - timedelta(days=400))
    paper, person = a_paper(title="Coral reefs from space"), a_subscriber()
    Interest.objects.create(subscriber=person, kind="like", value=old.canonical_id)
    assert "would get" in ask(operator, person, paper.canonical_id)


def test_an_unknown_paper_is_named(operator: Client) -> None:
    assert "No paper has the id &#x27;2503.01234&#x27;." in ask(
        operator, a_subscriber(), "2503.01234"
    )
