"""The page of one paper."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils.timezone import now
from lxml import html
from pytest_django import DjangoAssertNumQueries

from papers.models import Paper, Signal
from papers.trending.update import score
from tests.factories import a_paper

pytestmark = pytest.mark.django_db


def test_it_shows_everything_that_is_known(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    paper = a_paper(
        canonical_id="2503.01234",
        code_url="https://github.com/a/b",
        pdf_url="https://arxiv.org/pdf/2503.01234",
        doi="10.1000/xyz",
    )
    for hours, stars in ((2, 10), (1, 1234)):
        at = now() - timedelta(hours=hours)
        Signal.objects.create(paper=paper, source="hf", name="stars", value=stars, observed_at=at)
    neighbour = a_paper()
    with django_assert_max_num_queries(4):
        page = client.get("/papers/2503.01234/").content.decode()
    for part in (paper.title, paper.abstract, "Ada Lovelace", "cs.CL", "10.1000/xyz", "1,234"):
        assert part in page
    for address in (paper.url, paper.pdf_url, paper.code_url, neighbour.get_absolute_url()):
        assert f'href="{address}"' in page


def test_the_picks_of_earlier_weeks_are_shown_with_their_notes(client: Client) -> None:
    paper = a_paper(
        picked_at=datetime(2025, 11, 3, tzinfo=UTC),
        editor_note="Read the appendix.",
        former_picks=[{"at": "2025-06-02T08:00:00+00:00", "note": ""}],
    )
    page = client.get(paper.get_absolute_url()).content.decode()
    assert "3 November 2025</time>: “Read the appendix.”" in page
    assert page.index("3 November 2025") < page.index("2 June 2025")


def test_an_id_of_the_old_style_has_a_slash_in_it(client: Client) -> None:
    paper = a_paper(canonical_id="hep-th/9901001")
    response = client.get("/papers/hep-th/9901001/")
    assert paper.title in response.content.decode()


@pytest.mark.parametrize("known_as", ["t-0123456789abcdef", "2503.01234v2", "arXiv:2503.01234"])
def test_a_former_or_versioned_id_leads_to_the_paper_for_good(
    client: Client, known_as: str
) -> None:
    a_paper(canonical_id="2503.01234", former_id="t-0123456789abcdef")
    response = client.get(f"/papers/{known_as}/")
    assert response.status_code == 301
    assert response["Location"] == "/papers/2503.01234/"


@pytest.mark.parametrize("unknown", ["2503.99999", "%00", "a/b/c", "x" * 3000])
def test_an_unknown_paper_is_not_found(client: Client, unknown: str) -> None:
    response = client.get(f"/papers/{unknown}/")
    assert response.status_code == 404
    assert "There is no paper with this address." in response.content.decode()


def test_a_hidden_paper_is_not_found(client: Client) -> None:
    paper = a_paper(hidden=True)
    assert client.get(paper.get_absolute_url()).status_code == 404


def test_a_withdrawn_paper_says_so_in_its_authors_words(client: Client) -> None:
    paper = a_paper(withdrawn=True, comment="Lemma 3 does not hold.")
    page = client.get(paper.get_absolute_url()).content.decode()
    assert "withdrawn by its authors" in page
    assert "Lemma 3 does not hold." in page


def test_hostile_text_ends_neither_an_attribute_nor_a_script(client: Client) -> None:
    attack = "\"'></script><script>alert(1)</script>"
    paper = a_paper(title=attack, abstract=attack, authors=[attack], keywords=[attack])
    page = client.get(paper.get_absolute_url()).content.decode()
    assert "<script>alert" not in page
    script = html.fromstring(page).find(".//script[@type='application/ld+json']")
    assert script is not None
    described = json.loads(script.text or "")
    assert described["@type"] == "ScholarlyArticle"
    assert described["headline"] == attack


def test_thousands_of_authors_are_folded_away_but_all_there(client: Client) -> None:
    paper = a_paper(authors=[f"Author {i}" for i in range(3000)])
    page = client.get(paper.get_absolute_url()).content.decode()
    assert "All 3,000 authors" in page
    assert "Author 1500," in page


def test_reading_changes_nothing(client: Client) -> None:
    paper = a_paper()
    before = list(Paper.objects.values())
    client.get(paper.get_absolute_url())
    assert client.post(paper.get_absolute_url()).status_code == 405
    assert list(Paper.objects.values()) == before


def test_it_shows_what_its_place_is_made_of(client: Client) -> None:
    paper = a_paper(announced_at=now() - timedelta(hours=20))
    for hours, stars in ((18, 10), (2, 30)):
        at = now() - timedelta(hours=hours)
        Signal.objects.create(paper=paper, source="hf", name="stars", value=stars, observed_at=at)
    score(now())
    page = html.fromstring(client.get(paper.get_absolute_url()).content)
    parts = page.find(".//details[@class='score']")
    assert parts is not None
    table = " ".join(map(str, parts.itertext()))
    assert "+20 repository stars in 16 hours" in table
    assert "Evidence without votes" in table


def test_a_paper_that_is_not_ranked_has_no_such_table(client: Client) -> None:
    page = html.fromstring(client.get(a_paper().get_absolute_url()).content)
    assert page.find(".//details[@class='score']") is None


def test_its_links_come_before_the_abstract(client: Client) -> None:
    paper = a_paper(canonical_id="2503.01234", url="https://arxiv.org/abs/2503.01234")
    page = client.get(paper.get_absolute_url()).content.decode()
    assert page.index("https://arxiv.org/html/2503.01234") < page.index('class="abstract-full"')
    assert "https://www.semanticscholar.org/arxiv/2503.01234" in page
    assert "https://huggingface.co/papers/2503.01234" not in page
    paper.signals.create(source="hf-daily", name="upvotes", value=3, observed_at=now())
    page = client.get(paper.get_absolute_url()).content.decode()
    assert "https://huggingface.co/papers/2503.01234" in page
