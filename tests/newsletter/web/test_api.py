"""The JSON API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from newsletter.web import request_limit
from papers.models import SimilarPapers
from papers.trending import lists
from tests.factories import a_paper

pytestmark = pytest.mark.django_db
THURSDAY = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_requests_yet() -> None:
    request_limit.forget_all()


def answer(client: Client, path: str, code: int = 200, **parameters: Any) -> Any:
    response = client.get(f"/api/v1{path}", parameters)
    assert response.status_code == code
    assert response["Content-Type"].startswith("application/json")
    return response.json()


def test_its_description_names_every_endpoint(client: Client) -> None:
    described = client.get("/api/openapi.json").json()
    assert set(described["paths"]) == {
        *("/api/v1/trending", "/api/v1/papers", "/api/v1/search"),
        *("/api/v1/papers/{paper_id}", "/api/v1/papers/{paper_id}/similar"),
    }


def test_an_address_that_ends_with_a_slash_leads_to_the_one_without(client: Client) -> None:
    response = client.get("/api/v1/trending/?period=week", follow=True)
    assert response.redirect_chain == [("/api/v1/trending?period=week", 302)]
    assert response.status_code == 200


def test_a_ranked_list_has_ranks_and_reasons(client: Client) -> None:
    second = a_paper(announced_at=THURSDAY, trending=1)
    first = a_paper(announced_at=THURSDAY, trending=2)
    a_paper(announced_at=THURSDAY, categories=["math.AG"], trending=3)
    lists.update(THURSDAY)
    found = answer(client, "/trending", period="week", field="cs.CL")
    assert found["count"] == 2
    assert [(one["rank"], one["id"]) for one in found["papers"]] == [
        (1, first.canonical_id),
        (2, second.canonical_id),
    ]


def test_papers_come_newest_first_in_pages(client: Client) -> None:
    for day in range(5):
        a_paper(announced_at=THURSDAY - timedelta(days=day), title=f"Day {day}")
    found = answer(client, "/papers", limit=2, offset=1)
    assert found["count"] == 5
    assert [one["title"] for one in found["papers"]] == ["Day 1", "Day 2"]
    assert answer(client, "/papers", since="2026-11-25", until="2026-11-25")["count"] == 1


def test_one_paper_is_found_by_its_arxiv_id_with_or_without_version(client: Client) -> None:
    a_paper(canonical_id="hep-th/9901001", title="Old style")
    assert answer(client, "/papers/hep-th/9901001")["title"] == "Old style"
    assert answer(client, "/papers/hep-th/9901001v2")["title"] == "Old style"


def test_similar_papers_are_those_that_were_stored(client: Client) -> None:
    paper, near, hidden = a_paper(), a_paper(), a_paper(hidden=True)
    SimilarPapers.objects.create(paper=paper, similar=[hidden.pk, near.pk])
    found = answer(client, f"/papers/{paper.canonical_id}/similar")
    assert [one["id"] for one in found["papers"]] == [near.canonical_id]


def test_a_search_takes_the_language_of_the_search_page(client: Client) -> None:
    a_paper(title="Diffusion for images")
    a_paper(title="Diffusion for video")
    found = answer(client, "/search", q="diffusion -video")
    assert [one["title"] for one in found["papers"]] == ["Diffusion for images"]


@pytest.mark.parametrize(
    ("path", "parameters", "code"),
    [
        ("/papers/2503.99999", {}, 404),
        ("/papers/\x00", {}, 404),
        ("/trending", {"field": "cs.ZZ"}, 404),
        ("/trending", {"period": "year"}, 422),
        ("/papers", {"limit": "0"}, 422),
        ("/papers", {"limit": "1000"}, 422),
        ("/papers", {"since": "yesterday"}, 422),
        ("/search", {}, 422),
    ],
)
def test_what_is_wrong_is_answered_in_json(
    client: Client, path: str, parameters: dict[str, str], code: int
) -> None:
    assert answer(client, path, code, **parameters)["detail"]


def test_a_hidden_paper_is_nowhere(client: Client) -> None:
    paper = a_paper(hidden=True, title="Secret")
    assert answer(client, "/papers")["count"] == 0
    assert answer(client, "/search", q="secret")["count"] == 0
    answer(client, f"/papers/{paper.canonical_id}", 404)


def test_an_answer_that_did_not_change_is_not_sent_again(client: Client) -> None:
    a_paper()
    tag = client.get("/api/v1/papers")["ETag"]
    assert client.get("/api/v1/papers", headers={"If-None-Match": tag}).status_code == 304


def test_too_many_requests_wait_a_minute(client: Client) -> None:
    codes = [client.get("/api/v1/papers").status_code for _ in range(121)]
    assert codes == [200] * 120 + [429]


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_nothing_can_be_changed(client: Client, method: str) -> None:
    assert getattr(client, method)("/api/v1/papers").status_code == 405


@pytest.mark.parametrize("path", ["/trending", "/papers", "/search"])
def test_many_papers_cost_a_handful_of_queries(
    client: Client, path: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(20):
        a_paper(announced_at=THURSDAY)
    lists.update(THURSDAY)
    with django_assert_max_num_queries(5):  # PostgreSQL sets its time-out in a savepoint.
        found = answer(client, path, q="sparse")
    assert len(found["papers"]) == 20


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/trending", {"period": "null"}),
        ("/trending", {"limit": "0"}),
        ("/papers", {"since": "yesterday"}),
        ("/papers", {"until": "0"}),
        ("/search", {}),
        ("/search", {"q": "sparse", "offset": "-1"}),
    ],
)
def test_what_is_wrong_with_a_parameter_is_one_sentence_that_names_it(
    client: Client, path: str, parameters: dict[str, str]
) -> None:
    wrong = [*parameters, "q"][-2 if parameters else -1]
    detail = answer(client, path, 422, **parameters)["detail"]
    assert isinstance(detail, str)
    assert detail.startswith(f"{wrong}: ")
    assert detail.endswith(".")


def test_an_address_that_is_none_is_answered_in_json(client: Client) -> None:
    for path in ("/nowhere", "/papers/%0A%C2%A0/similar"):
        assert isinstance(answer(client, path, 404)["detail"], str)


def test_an_unchanged_answer_is_not_sent_twice(client: Client) -> None:
    a_paper()
    first = client.get("/api/v1/papers")
    again = client.get("/api/v1/papers", headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
