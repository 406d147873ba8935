"""Exponents and indices on the site and in mail: elements in HTML, Unicode's signs in text."""

from __future__ import annotations

import pytest
from django.test import Client

from newsletter.mail import cards, messages, snapshots
from newsletter.security import tokens
from papers.models import Paper
from papers.text import clean
from tests.factories import a_digest, a_paper

pytestmark = pytest.mark.django_db

TITLE = "Sorting $n^{10}$ things"
ABSTRACT = "We sort $x_{i+1}$ things in quadratic time."
HOSTILE = 'Sorting $n^{<script>alert(1)</script>}$ & $x_{" onload="y}$ <b>things</b>'


def a_paper_of(title: str = TITLE, abstract: str = ABSTRACT) -> Paper:
    texts = clean.line(title), clean.paragraphs(abstract)
    return a_paper(
        title=texts[0],
        abstract=texts[1],
        summary=texts[1],
        summary_source=Paper.SummarySource.ABSTRACT,
        raw_title=title,
        raw_abstract=abstract,
    )


def pages_of(client: Client, paper: Paper) -> list[str]:
    digest = a_digest(items=[{"paper": paper.canonical_id, "slot": "trending", "reason": "new"}])
    message = messages.digest_message(digest, snapshots.cards_of(digest))
    paths = (
        "/",
        paper.get_absolute_url(),
        f"/feedback/digest/{tokens.rate_papers_token(digest)}/",
        f"/digest/{tokens.digest_token(digest)}/",
    )
    shown = [client.get(path).content.decode() for path in paths]
    return [*shown, str(message.alternatives[0][0])]


def without_style(page: str) -> str:
    return page.replace(' style="line-height:0"', "")


def test_every_page_and_the_mail_show_exponents_and_indices(client: Client) -> None:
    pages = [without_style(page) for page in pages_of(client, a_paper_of())]
    assert all("Sorting n<sup>10</sup> things" in page for page in pages)
    assert sum("We sort x<sub>i+1</sub> things" in page for page in pages) == 4


def test_the_text_part_and_the_subject_have_the_signs_of_unicode() -> None:
    digest = a_digest(items=[{"paper": a_paper_of().canonical_id, "slot": "trending"}])
    message = messages.digest_message(digest, snapshots.cards_of(digest))
    assert message.subject.startswith("Sorting n¹⁰ things")
    assert "Sorting n¹⁰ things" in message.body
    assert "We sort xᵢ₊₁ things" in message.body


def test_hostile_text_in_a_formula_is_escaped(client: Client) -> None:
    for page in pages_of(client, a_paper_of(HOSTILE, HOSTILE)):
        assert "<script>alert" not in page
        assert "<b>things" not in page
        assert '" onload="' not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_search_marks_words_beside_and_in_scripts(client: Client) -> None:
    a_paper_of("Sorting $n^{fast}$ things")
    page = client.get("/search/", {"q": "sorting"}).content.decode()
    assert "<mark>Sorting</mark> n<sup>fast</sup> things" in page


def test_a_stored_card_keeps_its_formulas_and_one_without_stores_none() -> None:
    card = cards.card_of(a_paper_of())
    assert cards.Card.from_content(card.content) == card
    assert card.title_text == "Sorting n¹⁰ things"
    assert cards.card_of(a_paper()).title_pieces == ()
    old = {name: value for name, value in card.content.items() if "pieces" not in name}
    assert cards.Card.from_content(old).title_text == "Sorting n^10 things"


def test_stored_texts_stay_as_they_were(client: Client) -> None:
    paper = a_paper_of()
    pages_of(client, paper)
    stored = Paper.objects.get(pk=paper.pk)
    assert (stored.title, stored.summary) == ("Sorting n^10 things", paper.summary)


def test_the_whole_abstract_of_a_papers_page_has_them_in_its_paragraphs(client: Client) -> None:
    paper = a_paper_of(abstract="We sort $x_{i+1}$ things.\n\nIt takes $n^{10}$ steps.")
    Paper.objects.update(summary="We sort.")
    page = client.get(paper.get_absolute_url()).content.decode()
    assert "<p>We sort x<sub>i+1</sub> things.</p>" in page
    assert "<p>It takes n<sup>10</sup> steps.</p>" in page
