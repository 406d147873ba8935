"""How a paper is shortened for a page."""

from __future__ import annotations

import pytest

from newsletter.display import EXCERPT, excerpt
from newsletter.web.presenters import ListedPaper
from papers.models import Paper


def test_a_short_abstract_is_shown_whole() -> None:
    assert excerpt("One sentence.\n Another.") == ("One sentence. Another.", "")


def test_a_long_abstract_is_cut_after_a_sentence_and_loses_nothing() -> None:
    abstract = " ".join(f"Sentence number {i} says something." for i in range(40))
    lead, rest = excerpt(abstract)
    assert lead.endswith("something.")
    assert len(lead) <= EXCERPT.stop
    assert f"{lead} {rest}" == abstract


@pytest.mark.parametrize("abstract", ["word " * 300, "x" * 3000])
def test_an_abstract_without_sentences_is_cut_and_loses_nothing(abstract: str) -> None:
    lead, rest = excerpt(abstract)
    assert len(lead) <= EXCERPT.stop
    assert lead.removesuffix("…") + rest.removeprefix("…") == abstract.strip()


def test_only_plain_web_addresses_become_links() -> None:
    paper = Paper(
        url="javascript:alert(1)", pdf_url="https://[broken", code_url="https://github.com/a/b"
    )
    assert [link.label for link in ListedPaper(paper).links] == ["Code"]
