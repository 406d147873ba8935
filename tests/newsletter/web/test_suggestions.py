"""What is suggested while somebody types into a list of choices."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from newsletter.web import request_limit
from tests.factories import a_paper

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def papers() -> None:
    request_limit.forget_all()
    for number in range(3):
        a_paper(
            title=f"Flow matching for {('robots', 'proteins', 'speech')[number]}",
            authors=["Émilie du Châtelet", f"Ada Lovelace-{number}"],
            keywords=["Optimal transport"] if number else [],
        )


def suggested(client: Client, kind: str, typed: str) -> Any:
    response = client.get("/api/v1/suggestions", {"kind": kind, "q": typed})
    assert response.status_code == 200
    return response.json()["suggestions"]


@pytest.mark.parametrize("typed", ["flow mat", "matching rob", "Flow Matching for Robots"])
def test_titles_are_found_by_the_beginnings_of_their_words(client: Client, typed: str) -> None:
    assert "Flow matching for robots" in suggested(client, "papers", typed)


@pytest.mark.parametrize("typed", ["grav", "Gravité", "gravity wav"])
def test_titles_that_hold_the_words_come_before_abstracts_that_do(
    client: Client, typed: str
) -> None:
    for number in range(9):
        a_paper(title=f"On light {number}", abstract="Gravity waves: gravité.", trending=9)
    a_paper(title="Gravity waves (gravité)", trending=1)
    first, *others = suggested(client, "papers", typed)
    assert first == "Gravity waves (gravité)"
    assert len(others) == 7


@pytest.mark.parametrize("typed", ["emil", "Chatelet", "du chât", "émilie du"])
def test_authors_are_found_by_any_name_with_and_without_accents(client: Client, typed: str) -> None:
    assert suggested(client, "authors", typed) == ["Émilie du Châtelet"]


def test_subjects_are_keywords_and_phrases_that_two_papers_name(client: Client) -> None:
    assert suggested(client, "subjects", "optim") == ["optimal transport"]
    assert suggested(client, "subjects", "flow") == ["flow matching"]
    assert suggested(client, "subjects", "protein") == []


@pytest.mark.parametrize("kind", ["papers", "authors", "subjects"])
@pytest.mark.parametrize("typed", ["", " ", "%", "\x00\x00\x00", "xyzzyx", '"""', "-a -b -c"])
def test_what_nothing_matches_suggests_nothing(client: Client, kind: str, typed: str) -> None:
    assert suggested(client, kind, typed) == []


def test_an_unknown_kind_is_refused(client: Client) -> None:
    assert client.get("/api/v1/suggestions", {"kind": "emails", "q": "ada"}).status_code == 422
