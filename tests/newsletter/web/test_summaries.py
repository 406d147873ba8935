"""The line under a title on pages and in feeds, with the abstract behind it."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from newsletter.mail import cards
from papers.models import Paper
from tests.factories import a_paper, an_edition

pytestmark = pytest.mark.django_db
ABSTRACT = "Background comes first. We propose a method. Results follow."


@pytest.fixture
def claimed() -> Paper:
    """A paper whose summary stands in its abstract."""
    return a_paper(
        abstract=ABSTRACT, summary="We propose a method.", summary_source="abstract", trending=2
    )


@pytest.fixture
def credited() -> Paper:
    """A paper that Hugging Face has summed up."""
    return a_paper(
        abstract=ABSTRACT, summary="One <b>method</b>.", summary_source="huggingface", trending=1
    )


def page(client: Client, path: str) -> str:
    return " ".join(client.get(path).content.decode().split())


def test_a_list_shows_the_sentence_and_hides_the_whole_abstract(
    client: Client, claimed: Paper
) -> None:
    an_edition(claimed)
    shown = page(client, "/")
    assert '<p class="abstract">We propose a method.</p>' in shown
    details = re.search(r"<details class=\"more\">(.*?)</details>", shown)
    assert details is not None
    assert ABSTRACT in details[1]
    assert "Hugging Face" not in shown


def test_who_wrote_the_sentence_is_named_and_its_markup_is_text(
    client: Client, credited: Paper
) -> None:
    an_edition(credited)
    for path in ("/", credited.get_absolute_url()):
        shown = page(client, path)
        assert "One &lt;b&gt;method&lt;/b&gt;." in shown
        assert "Summary by Hugging Face" in shown


def test_the_page_of_a_paper_begins_with_the_sentence_and_describes_itself_by_it(
    client: Client, claimed: Paper
) -> None:
    shown = page(client, claimed.get_absolute_url())
    assert '<p class="summary">We propose a method.</p>' in shown
    assert '<meta property="og:description" content="We propose a method.">' in shown
    assert '<meta name="description" content="We propose a method.">' in shown
    assert ABSTRACT in shown


def test_without_a_summary_the_abstract_begins_as_it_stands(client: Client) -> None:
    paper = a_paper(abstract=ABSTRACT)
    an_edition(paper)
    assert f'<p class="abstract">{ABSTRACT}</p>' in page(client, "/")
    assert '<p class="summary">' not in page(client, paper.get_absolute_url())


@pytest.mark.parametrize("path", ["/feed.xml", "/feed.json"])
def test_feeds_say_the_sentence_and_whose_it_is(
    client: Client, claimed: Paper, credited: Paper, path: str
) -> None:
    an_edition(claimed, credited)
    shown = client.get(path).content.decode()
    assert "We propose a method." in shown
    assert "(Summary by Hugging Face.)" in shown
    assert "Background comes first" not in shown


def test_the_card_of_a_mail_says_the_sentence_and_whose_it_is(
    claimed: Paper, credited: Paper
) -> None:
    card = cards.card_of(claimed)
    assert (card.excerpt, card.credit) == ("We propose a method.", "")
    card = cards.card_of(credited)
    assert card.credit == "Summary by Hugging Face"
    assert "One &lt;b&gt;method&lt;/b&gt;." in card.html.text
    assert "Summary by Hugging Face" in card.html.text
    assert "One <b>method</b>.\n(Summary by Hugging Face)" in card.text.text
    assert cards.Card.from_content(card.content) == card
    assert card.shortened(0).credit == ""


def test_a_card_that_was_stored_before_there_were_credits_is_still_read(claimed: Paper) -> None:
    content = cards.card_of(claimed).content
    del content["credit"]
    assert cards.Card.from_content(content).credit == ""
