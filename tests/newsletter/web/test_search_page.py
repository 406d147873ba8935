"""Finding papers by words."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.factories import a_paper

pytestmark = pytest.mark.django_db


def results(client: Client, words: str, page: int = 1) -> str:
    response = client.get("/search/", {"q": words, "page": str(page)})
    assert response.status_code == 200
    return response.content.decode()


def test_an_empty_search_asks_for_words(client: Client) -> None:
    a_paper(title="Alpha")
    page = client.get("/search/").content.decode()
    assert 'name="q"' in page
    assert "Alpha" not in page


def test_a_word_in_the_title_comes_before_one_in_the_abstract(client: Client) -> None:
    a_paper(title="Alpha", abstract="On diffusion.", trending=9)
    a_paper(title="Diffusion models", abstract="Beta.", trending=1)
    page = results(client, "diffusion")
    assert "2 papers for" in page
    assert page.index("Diffusion models") < page.index("Alpha")


def test_every_word_must_be_there_somewhere(client: Client) -> None:
    a_paper(title="Sparse attention", abstract="Fast.")
    a_paper(title="Sparse coding", abstract="Slow.")
    page = results(client, "sparse fast")
    assert "Sparse attention" in page
    assert "Sparse coding" not in page


def test_a_plural_finds_the_singular(client: Client) -> None:
    a_paper(title="A transformer for text")
    assert "A transformer for text" in results(client, "Transformers")


@pytest.mark.parametrize("typed", ["Müller", "müller", "MÜLLER"])
def test_an_author_is_found_with_the_letters_of_their_name(client: Client, typed: str) -> None:
    a_paper(title="Alpha", authors=["Jürgen Müller"])
    a_paper(title="Beta", authors=["Jane Miller"])
    page = results(client, typed)
    assert "Alpha" in page
    assert "Beta" not in page


@pytest.mark.parametrize(
    "typed", ["2503.01234", "arXiv:2503.01234v3", "https://arxiv.org/abs/2503.01234v1"]
)
def test_an_arxiv_number_finds_its_paper(client: Client, typed: str) -> None:
    a_paper(canonical_id="2503.01234", title="Alpha")
    a_paper(canonical_id="2503.99999", title="Beta")
    page = results(client, typed)
    assert "1 paper for" in page
    assert "Alpha" in page


def test_hidden_papers_are_not_found(client: Client) -> None:
    a_paper(title="Secret", hidden=True)
    assert "No paper holds" in results(client, "secret")


@pytest.mark.parametrize("typed", ["%", "_", "\\", "\x00", "'\" OR 1=1 --", "🦊", "…"])
def test_signs_match_nothing_by_accident(client: Client, typed: str) -> None:
    a_paper(title="Alpha")
    assert "Alpha" not in results(client, typed)


def test_one_letter_and_ten_thousand_are_both_answered(client: Client) -> None:
    a_paper(title="Xylophone")
    assert "Xylophone" in results(client, "x")
    assert "only its beginning was used" in results(client, "xylophone " * 1000)


def test_the_words_come_back_escaped(client: Client) -> None:
    page = results(client, "<script>alert(1)</script>")
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_results_are_paged_and_a_page_beyond_the_end_is_the_last(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(45):
        a_paper(title=f"Paper {number:03}", trending=100 - number)
    with django_assert_max_num_queries(3):
        first = results(client, "paper")
    assert "Paper 000" in first
    assert "Paper 020" not in first
    assert "Paper 044" in results(client, "paper", page=99)
