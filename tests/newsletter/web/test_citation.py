"""A paper as a BibTeX entry, and what reference managers read on its page."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from django.test import Client
from lxml import html

from newsletter.web import charts
from papers.models import Signal
from tests.factories import a_paper

pytestmark = pytest.mark.django_db


def entry(client: Client, paper_id: str) -> str:
    response = client.get(f"/papers/{paper_id}/cite.bib")
    assert response.status_code == 200
    assert response["Content-Type"] == "application/x-bibtex; charset=utf-8"
    return response.content.decode()


def test_an_arxiv_paper_is_cited_with_its_eprint(client: Client) -> None:
    a_paper(
        canonical_id="2503.01234",
        title="Sparse attention & more: 50% less",
        authors=["José Núñez", "Erdős Pál"],
        published_at=datetime(2025, 3, 4, tzinfo=UTC),
        url="https://arxiv.org/abs/2503.01234",
        doi="10.1000/x",
    )
    assert entry(client, "2503.01234") == (
        "@misc{nunez2025sparse,\n"
        "  title = {{Sparse attention \\& more: 50\\% less}},\n"
        "  author = {José Núñez and Erdős Pál},\n"
        "  year = {2025},\n"
        "  month = {3},\n"
        "  doi = {10.1000/x},\n"
        "  eprint = {2503.01234},\n"
        "  archivePrefix = {arXiv},\n"
        "  primaryClass = {cs.CL},\n"
        "  url = {https://arxiv.org/abs/2503.01234}\n"
        "}\n"
    )


def test_a_published_paper_is_an_article(client: Client) -> None:
    a_paper(canonical_id="2503.01234", journal_ref="Phys. Rev. D 1 (2025)")
    assert entry(client, "2503.01234").startswith("@article{")


def test_braces_and_backslashes_cannot_end_the_entry(client: Client) -> None:
    a_paper(canonical_id="2503.01234", title="A }} \\input{x} B", authors=["X }"])
    text = entry(client, "2503.01234")
    assert "A \\}\\} \\textbackslash{}input\\{x\\} B" in text


def test_a_paper_without_authors_has_a_key(client: Client) -> None:
    a_paper(canonical_id="2503.01234", authors=[], title="…")
    assert entry(client, "2503.01234").startswith("@misc{anon")


def test_a_hidden_paper_cannot_be_cited(client: Client) -> None:
    a_paper(canonical_id="2503.01234", hidden=True)
    assert client.get("/papers/2503.01234/cite.bib").status_code == 404


ZOTERO: Final = {
    "citation_title": "title",
    "citation_publication_date": "date",
    "citation_journal_title": "publicationTitle",
    "citation_abstract": "abstractNote",
    "citation_doi": "DOI",
    "citation_public_url": "url",
    "citation_language": "language",
}
"""Zotero's field by the name of the meta element from which its translator for pages fills it."""


def saved_by_zotero(page: str) -> dict[str, Any]:
    """What Zotero's translator "Embedded Metadata" makes of the head of a page."""
    found: dict[str, list[str]] = defaultdict(list)
    for element in html.fromstring(page).iter("meta"):
        found[element.get("name", "")].append(element.get("content", ""))
    item: dict[str, Any] = {
        field: " ".join(found[name][0].split()) for name, field in ZOTERO.items() if found[name]
    }
    # An author with a semicolon, or with a comma between groups of words, is several.
    item["authors"] = [one for text in found["citation_author"] for one in text.split(";")]
    item["tags"] = [one for text in found["citation_keywords"] for one in text.split(";")]
    item["pdf"] = found["citation_pdf_url"][:1]
    return item


def test_zotero_saves_everything_that_is_known_of_a_paper(client: Client) -> None:
    paper = a_paper(
        canonical_id="2503.01234",
        title="Sparse “attention” & more",
        abstract="First line.\nSecond <line>.",
        authors=["Ada Lovelace", "José Núñez"],
        published_at=datetime(2025, 3, 4, tzinfo=UTC),
        keywords=["attention", "sparsity"],
        doi="10.1000/x",
        journal_ref="JMLR",
        pdf_url="https://arxiv.org/pdf/2503.01234",
    )
    assert saved_by_zotero(client.get(paper.get_absolute_url()).content.decode()) == {
        "title": "Sparse “attention” & more",
        "date": "2025/03/04",
        "publicationTitle": "JMLR",
        "abstractNote": "First line. Second <line>.",
        "DOI": "10.1000/x",
        "url": "https://arxiv.org/abs/2503.01234",
        "language": "en",
        "authors": ["Ada Lovelace", "José Núñez"],
        "tags": ["attention", "sparsity"],
        "pdf": ["https://arxiv.org/pdf/2503.01234"],
    }


def test_zotero_saves_a_bare_paper_with_the_address_of_its_page(client: Client) -> None:
    paper = a_paper(authors=[], abstract="", url="", categories=[], primary_category="")
    saved = saved_by_zotero(client.get(paper.get_absolute_url()).content.decode())
    assert saved["title"] == paper.title
    assert saved["url"].endswith(paper.get_absolute_url())
    assert saved["authors"] == saved["pdf"] == []


def test_the_page_describes_the_paper_in_json_for_search_engines(client: Client) -> None:
    paper = a_paper(title="A </script> & title", canonical_id="2503.01234")
    page = html.fromstring(client.get(paper.get_absolute_url()).content.decode())
    [script] = [one for one in page.iter("script") if one.get("type") == "application/ld+json"]
    described = json.loads(script.text or "")
    assert described["@type"] == "ScholarlyArticle"
    assert described["headline"] == "A </script> & title"
    assert [one["name"] for one in described["author"]] == paper.authors
    assert paper.url in described["sameAs"]


def test_the_page_offers_mail_about_papers_like_it_and_by_its_authors(client: Client) -> None:
    paper = a_paper(authors=["Ada Lovelace"])
    page = client.get(paper.get_absolute_url()).content.decode()
    assert f'<input type="hidden" name="likes" value="{paper.canonical_id}">' in page
    assert '<input type="checkbox" name="authors" value="Ada Lovelace">' in page


def test_counts_over_time_are_drawn_from_zero_to_the_most() -> None:
    paper = a_paper()
    for hour, value in ((0, 0), (6, 5), (12, 10)):
        at = datetime(2026, 11, 26, hour, tzinfo=UTC)
        Signal.objects.create(
            paper=paper, source="hf-daily", name="upvotes", value=value, observed_at=at
        )
    [chart] = charts.of_signals(paper.signals.order_by("observed_at"))
    assert chart.points == "3.0,45.0 120.0,24.0 237.0,3.0"
    assert chart.source == "Hugging Face"


def test_a_single_reading_is_no_chart() -> None:
    paper = a_paper()
    Signal.objects.create(
        paper=paper, source="s", name="stars", value=1, observed_at=datetime.now(UTC)
    )
    assert charts.of_signals(paper.signals.all()) == []


def test_the_sitemap_names_lists_days_and_papers(client: Client) -> None:
    paper = a_paper()
    text = client.get("/sitemap.xml").content.decode()
    assert f"<loc>http://127.0.0.1:8000{paper.get_absolute_url()}</loc>" in text
    assert "<loc>http://127.0.0.1:8000/week/</loc>" in text
