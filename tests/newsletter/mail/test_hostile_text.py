"""Titles and abstracts written by strangers: harmless, short, and never too much for a mail."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from anymail.message import AnymailMessage

from newsletter.mail import cards, messages
from newsletter.models import Digest
from papers.models import Paper
from tests.factories import a_digest, a_paper

pytestmark = pytest.mark.django_db

LIMIT = 90_000
ATTACK = '<script>alert("1")</script>{{ secret }}{% now "Y" %}'


def digest_of(papers: list[Paper], **item: Any) -> Digest:
    base = {"reason": "new", "slot": "trending", "score": 0.5} | item
    return a_digest(items=[base | {"paper": paper.canonical_id} for paper in papers])


def mail_of(digest: Digest) -> AnymailMessage:
    papers = Paper.objects.filter(canonical_id__in=[item["paper"] for item in digest.items])
    return messages.digest_message(digest, {p.canonical_id: cards.card_of(p) for p in papers})


def html_of(message: AnymailMessage) -> str:
    return str(message.alternatives[0][0])


def test_markup_in_any_field_is_shown_and_never_obeyed() -> None:
    paper = a_paper(title=ATTACK, abstract=ATTACK, authors=[ATTACK], primary_category="<b>")
    message = mail_of(digest_of([paper], reason=ATTACK, note=ATTACK))
    html = html_of(message)
    assert "<script" not in html
    assert "<b>" not in html
    assert unescape(html).count(ATTACK) >= 5
    assert message.body.count(ATTACK) >= 5
    assert ATTACK[:50] in message.subject


def test_control_characters_and_bidi_overrides_are_stripped() -> None:
    dirty = "Be\u202enign\u2066 ti\x00tle\r\nBcc: x@example.org\x1b[31m \ud800end\u2028"
    paper = Paper(title=dirty, abstract=dirty, authors=[dirty], canonical_id="t-1")
    paper.announced_at = a_paper().announced_at
    card = cards.card_of(paper)
    clean = "Benign title Bcc: x@example.org[31m end"
    assert (card.title, card.excerpt, card.authors) == (clean, clean, clean)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "https://",
        "http://[",
        "https://evil.example/\r\nBcc: x",
        "https://evil.example/a b",
        "https://evil.example/" + "x" * 600,
    ],
)
def test_an_address_that_is_not_plain_web_is_no_link(url: str) -> None:
    paper = a_paper()
    paper.url = paper.pdf_url = paper.code_url = url
    card = cards.card_of(paper)
    assert card.url.endswith(f"/papers/{card.paper}/")
    assert [link.label for link in card.links] == ["Paper page"]


def test_thirty_papers_with_endless_abstracts_all_find_room() -> None:
    for letters in ("words ", "字"):
        papers = [
            a_paper(title=(letters * 150)[:150], abstract=(letters * 2000)[:2000])
            for _ in range(30)
        ]
        html = html_of(mail_of(digest_of(papers)))
        assert len(html.encode()) <= LIMIT
        assert all(f"/papers/{paper.canonical_id}/" in html for paper in papers)


@pytest.mark.parametrize("letters", ["&\"'<", "𝔄", "x"])
def test_what_does_not_fit_is_counted_and_left_to_the_web(letters: str) -> None:
    papers = [
        a_paper(
            title=(letters * 300)[:1000],
            abstract=letters * 500,
            authors=[letters * 100] * 500,
            pdf_url="https://example.org/?" + "&" * 450,
            code_url="https://example.org/?" + "&" * 450,
        )
        for _ in range(30)
    ]
    message = mail_of(digest_of(papers, reason=letters * 200))
    html = html_of(message)
    shown = [paper for paper in papers if f"/papers/{paper.canonical_id}/" in html]
    assert 45_000 < len(html.encode()) <= LIMIT
    assert html.rstrip().endswith("</html>")
    assert 0 < len(shown) < 30
    for part in (html, message.body):
        assert f"{30 - len(shown)} more papers on the web" in part
        assert part.count("/papers/") == len(shown)


def test_thirty_ordinary_papers_are_not_shortened() -> None:
    papers = [a_paper(abstract="A sentence of common length is here. " * 55) for _ in range(30)]
    html = html_of(mail_of(digest_of(papers)))
    assert html.count(cards.card_of(papers[0]).excerpt) == 30
    assert len(html.encode()) <= LIMIT
