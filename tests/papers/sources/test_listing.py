"""The listing that the first run reads, and others of its kind."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from papers.sources import listing
from papers.sources.dates import date_line
from papers.sources.record import ListingError
from tests.conftest import SEED_LISTING

TODAY = date(2026, 11, 23)
ABSTRACT = (
    "We study how attention heads divide their work. Our experiments show that few of them do "
    "most of it, and that the others can be removed. This holds for models of every size."
)
PAGE = f"""\
Get trending papers in your email inbox!

by Ann and friends

March 3, 2025

First Title: A Study

{ABSTRACT}

Second Title

{ABSTRACT} Code is at https://github.com/ann/second.
"""


def read(page: str, **options: date) -> list[str]:
    return [record.title for record in listing.parse(page.encode(), today=TODAY, **options).records]


def test_the_seed_listing_is_read_whole() -> None:
    found = listing.parse(SEED_LISTING.read_bytes(), today=TODAY)
    assert (len(found.records), found.rejections) == (84, [])
    first, last = found.records[0], found.records[-1]
    assert first.title == "Pretrained Transformers for Text Ranking: BERT and Beyond"
    assert first.abstract.startswith("The goal of text ranking is")
    assert first.announced_at == datetime(2026, 3, 11, tzinfo=UTC)
    assert last.abstract.endswith("universality and diversity.")


def test_code_links_of_the_seed_listing_have_no_punctuation_of_their_sentences() -> None:
    found = listing.parse(SEED_LISTING.read_bytes(), today=TODAY)
    links = [record.code_url for record in found.records if record.code_url]
    assert len(links) == 21
    assert "https://github.com/mansheej/icl-task-diversity" in links
    assert "https://github.com/WGLab/bioformer" in links
    assert "https://github.com/microsoft/Cream/tree/main/TinyViT" in links
    assert not [found for found in links if found.endswith((".", ","))]


def test_papers_that_an_abstract_cites_are_not_the_paper_itself() -> None:
    found = listing.parse(SEED_LISTING.read_bytes(), today=TODAY)
    (chat,) = [record for record in found.records if record.mentions]
    assert chat.mentions == ("2410.15027", "2410.23775", "2412.11767")
    assert chat.arxiv_id == ""


def test_an_address_of_arxiv_on_a_line_of_its_own_is_the_paper_itself() -> None:
    page = PAGE.replace("First Title: A Study\n\n", "First Title: A Study\n\n") + (
        f"\nThird Title\n\n{ABSTRACT}\nhttps://arxiv.org/abs/2503.01234v2\n"
    )
    third = listing.parse(page.encode(), today=TODAY).records[-1]
    assert (third.arxiv_id, third.version) == ("2503.01234", 2)
    assert third.abstract == ABSTRACT


@pytest.mark.parametrize(
    ("sentence", "own"),
    [
        ("The full paper is available at https://arxiv.org/abs/2503.01234v2.", "2503.01234"),
        ("Code at https://github.com/a/b and paper at arXiv:2503.01234.", "2503.01234"),
        ("We compare with the method of https://arxiv.org/abs/2503.01234.", ""),
        ("This follows GPT-3 (arXiv:2005.14165).", ""),
    ],
)
def test_only_an_abstract_that_says_where_the_paper_is_names_its_id(
    sentence: str, own: str
) -> None:
    page = f"{PAGE}\nThird Title\n\n{ABSTRACT} {sentence}\n"
    third = listing.parse(page.encode(), today=TODAY).records[-1]
    assert third.arxiv_id == own
    assert third.abstract.endswith(sentence)


@pytest.mark.parametrize(
    "change",
    [
        lambda page: page.replace("\n", "\r\n"),
        lambda page: "\ufeff" + page,
        lambda page: page.replace("\n\n", "\n \n\n\t\n\n"),
        lambda page: "new\n\n" + page.replace("by Ann", "Subscribe\n\nbyAnn"),
        lambda page: page.replace("Get trending papers in your email inbox!\n\n", ""),
        lambda page: page.replace("March 3, 2025\n\n", "") + "\nMar 3\n",
        lambda page: page.replace(" experiments show", "\nexperiments show"),
        lambda page: page.replace("Second Title", "Second\nTitle"),
        lambda page: page + "\nSubscribe\n",
    ],
)
def test_the_parts_are_found_by_what_they_are(change: object) -> None:
    page = change(PAGE)  # type: ignore[operator]
    assert read(page) == ["First Title: A Study", "Second Title"]


@pytest.mark.parametrize(
    ("line", "day"),
    [
        ("Mar 11", date(2026, 3, 11)),
        ("march 11th", date(2026, 3, 11)),
        ("Mar 11, 2025", date(2025, 3, 11)),
        ("11 March 2025", date(2025, 3, 11)),
        ("2025-03-11", date(2025, 3, 11)),
        ("Tuesday, March 11", date(2025, 3, 11)),
        ("Sept. 3", date(2026, 9, 3)),
        ("Nov 23", date(2026, 11, 23)),
        ("Nov 24", date(2025, 11, 24)),
        ("Feb 29", date(2024, 2, 29)),
        ("Mar 32", None),
        ("March of the Penguins", None),
        ("Mar 11 at noon", None),
    ],
)
def test_a_date_without_a_year_is_the_most_recent_one(line: str, day: date | None) -> None:
    assert date_line(line, TODAY) == day


def test_the_day_that_is_given_wins_over_the_listing_s_own() -> None:
    found = listing.parse(PAGE.encode(), today=TODAY, day=date(2025, 1, 2))
    assert {record.announced_at for record in found.records} == {datetime(2025, 1, 2, tzinfo=UTC)}


def test_each_date_line_begins_a_day_of_its_own() -> None:
    page = PAGE + f"\nby Ann and friends\n\nMarch 2, 2025\n\nThird Title\n\n{ABSTRACT}\n"
    records = listing.parse(page.encode(), today=TODAY).records
    days = [record.announced_at.day for record in records if record.announced_at]
    assert days == [3, 3, 2]


def test_an_abstract_of_two_paragraphs_stays_one_abstract() -> None:
    page = PAGE.replace("Second Title", f"{ABSTRACT}\n\nSecond Title")
    first, second = listing.parse(page.encode(), today=TODAY).records
    assert first.abstract == f"{ABSTRACT}\n\n{ABSTRACT}"
    assert second.title == "Second Title"


@pytest.mark.parametrize("place", ["Second Title\n\n", "end"])
def test_a_title_without_an_abstract_is_rejected_alone(place: str) -> None:
    page = (
        PAGE + "\nLonely Title\n" if place == "end" else PAGE.replace(place, "Lonely\n\n" + place)
    )
    found = listing.parse(page.encode(), today=TODAY)
    assert [record.title for record in found.records] == ["First Title: A Study", "Second Title"]
    (rejection,) = found.rejections
    assert rejection.record.startswith("Lonely")
    assert rejection.reason == "The title has no abstract."


def test_short_abstracts_and_titles_with_a_full_stop_are_told_apart() -> None:
    blocks = [
        "by Ann", "Mar 11", "One Title", "We propose a thing that does some work well.",
        "Another Title Without Its Abstract",
        "A Second Title", "We show that the other thing does the same work.",
        "A Third Title, Which Is About Models and Ends.",
        "This one shows something else once again.",
        "Fourth Title", ABSTRACT, "It has one more sentence in a paragraph of its own.",
        "Fifth", "A short abstract without its full stop",
    ]  # fmt: skip
    found = listing.parse("\n\n".join(blocks).encode(), today=TODAY)
    assert [(record.title, record.abstract[:12]) for record in found.records] == [
        ("One Title", "We propose a"),
        ("A Second Title", "We show that"),
        ("A Third Title, Which Is About Models and Ends.", "This one sho"),
        ("Fourth Title", ABSTRACT[:12]),
        ("Fifth", "A short abst"),
    ]
    assert found.records[3].abstract.endswith("of its own.")
    (rejection,) = found.rejections
    assert rejection.record == "Another Title Without Its Abstract"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe", "not UTF-8 text"),
        (b"text\0with nulls", "binary"),
        (b"<!DOCTYPE html><html><p>by Ann</p></html>", "markup"),
        (b'[{"title": "x"}]', "markup or data"),
        (b"Dear diary,\n\nMar 11\n\nnothing happened.", "neither the sign-up prompt nor a byline"),
        (PAGE.replace("March 3, 2025", "").encode(), "no date line"),
        (PAGE.replace("2025", "2031").encode(), "still to come"),
        (PAGE[: PAGE.index("First")].encode(), "names no paper"),
    ],
)
def test_what_is_no_listing_is_refused_in_one_sentence(body: bytes, words: str) -> None:
    with pytest.raises(ListingError, match=words) as refusal:
        listing.parse(body, today=TODAY)
    assert "\n" not in str(refusal.value)
