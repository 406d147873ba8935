"""A paper as a BibTeX entry, and what reference managers read on its page."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client

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


def test_the_page_holds_the_fields_that_zotero_reads(client: Client) -> None:
    paper = a_paper(
        canonical_id="2503.01234",
        keywords=["attention"],
        doi="10.1000/x",
        journal_ref="JMLR",
        pdf_url="https://arxiv.org/pdf/2503.01234",
    )
    page = client.get(paper.get_absolute_url()).content.decode()
    for name in (
        *("title", "author", "publication_date", "online_date", "doi", "journal_title"),
        *("pdf_url", "abstract_html_url", "public_url", "arxiv_id", "keywords"),
    ):
        assert f'<meta name="citation_{name}" content="' in page


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
