"""The front page."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from django.utils.timezone import now
from pytest_django import DjangoAssertNumQueries

from papers.models import Paper
from tests.factories import a_paper, an_edition

pytestmark = pytest.mark.django_db
PROMPT = "Get trending papers in your email inbox!"


def front_page(client: Client) -> str:
    response = client.get("/")
    assert response.status_code == 200
    return response.content.decode()


def test_without_papers_it_says_so_and_still_takes_subscribers(client: Client) -> None:
    page = front_page(client)
    assert PROMPT in page
    assert 'name="email"' in page
    assert "python manage.py ingest --file seeds/trending-papers-listing.txt" in page


def test_it_shows_the_newest_edition_in_its_frozen_order(client: Client) -> None:
    tuesday = datetime(2025, 3, 11, 9, tzinfo=UTC)
    first, second, old = (a_paper(trending=score, announced_at=tuesday) for score in (1, 9, 99))
    an_edition(old, day=date(2025, 3, 10))
    an_edition(first, second, day=date(2025, 3, 11), reason="+12 upvotes in a day")
    page = front_page(client)
    assert page.index(first.title) < page.index(second.title)
    assert old.title not in page
    assert "Tuesday, 11 March 2025" in page
    assert "+12 upvotes in a day" in page


def test_without_an_edition_it_shows_what_trends(client: Client) -> None:
    low, high = a_paper(trending=0.1), a_paper(trending=0.9)
    page = front_page(client)
    assert page.index(high.title) < page.index(low.title)


@pytest.mark.parametrize(
    ("column", "value", "shown"),
    [
        ("title", "A title that was mended", "A title that was mended"),
        ("authors", ["Niels Henrik Abel"], "Niels Henrik Abel"),
        ("abstract", "An abstract that was mended.", "An abstract that was mended."),
        ("summary", "A summary that was mended.", "A summary that was mended."),
        ("summary_source", Paper.SummarySource.HUGGING_FACE, "Summary by Hugging Face"),
        ("categories", ["math.GR"], "math.GR"),
        ("announced_at", datetime(2024, 2, 29, tzinfo=UTC), "29 Feb 2024"),
        ("code_url", "https://code.example.org/abel", "https://code.example.org/abel"),
        ("withdrawn", True, "This paper has been withdrawn"),
        ("picked_at", now(), "Editor’s pick"),
    ],
)
def test_what_changes_on_a_paper_is_shown_at_once(
    client: Client, column: str, value: object, shown: str
) -> None:
    paper = a_paper(abstract="One. Two.", summary="Two.")
    an_edition(paper)
    assert shown not in front_page(client)
    setattr(paper, column, value)
    paper.save()
    assert shown in front_page(client)


def test_a_long_author_list_becomes_three_the_last_and_the_count(client: Client) -> None:
    an_edition(a_paper(authors=[f"Author {i}" for i in range(1, 3001)]))
    assert "Author 1, Author 2, Author 3, …, Author 3000 (3,000 authors)" in front_page(client)


def test_hostile_text_is_escaped_everywhere(client: Client) -> None:
    attack = "<script>alert(1)</script>"
    an_edition(
        a_paper(
            title=f"{attack} & more",
            abstract=attack,
            authors=[attack],
            categories=[attack],
            editor_note=attack,
            picked_at=now(),
        ),
        reason=attack,
    )
    page = front_page(client)
    assert attack not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 6


def test_a_hidden_paper_leaves_even_a_frozen_edition(client: Client) -> None:
    shown, hidden = a_paper(), a_paper()
    an_edition(hidden, shown)
    Paper.objects.filter(pk=hidden.pk).update(hidden=True)
    page = front_page(client)
    assert shown.title in page
    assert hidden.title not in page


def test_a_withdrawn_paper_says_so(client: Client) -> None:
    an_edition(a_paper(withdrawn=True))
    assert "withdrawn by its authors" in front_page(client)


def test_a_pick_that_does_not_trend_stands_on_its_own_with_its_note(client: Client) -> None:
    an_edition(a_paper())
    pick = a_paper(picked_at=now(), editor_note="Read section four.")
    stale = a_paper(picked_at=now() - timedelta(days=30))
    page = front_page(client)
    assert pick.title in page
    assert "Read section four." in page
    assert stale.title not in page


def test_it_says_when_none_of_the_first_three_papers_is_confirmed(client: Client) -> None:
    edition = an_edition(a_paper(), a_paper(), a_paper())
    said = "None of the first three papers is confirmed"
    assert said not in front_page(client)
    for entry in edition.entries:
        entry["parts"] = {"votes": 9.0, "attention": 1.0}
    edition.save()
    assert said in front_page(client)
    edition.entries[2]["parts"]["agreed"] = True
    edition.save()
    assert said not in front_page(client)
    edition.entries[2]["parts"]["agreed"] = False
    edition.save()
    Paper.objects.filter(canonical_id=edition.entries[1]["paper"]).update(picked_at=now())
    assert said not in front_page(client)


def test_a_paper_with_nothing_but_a_title_and_a_date_is_fine(client: Client) -> None:
    bare = a_paper(
        authors=[], categories=[], primary_category="", url="", abstract="",
        announced_at=datetime(2025, 3, 11, tzinfo=UTC),
    )  # fmt: skip
    an_edition(bare)
    page = front_page(client)
    assert bare.title in page
    assert "11 Mar 2025" in page


def test_many_papers_cost_no_more_queries_than_one(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    an_edition(*(a_paper() for _ in range(60)))
    with django_assert_max_num_queries(4):
        page = front_page(client)
    assert "More papers of this day" in page


@pytest.mark.parametrize("days", [-1, 8])
def test_a_pick_of_tomorrow_or_of_last_week_is_no_pick(client: Client, days: int) -> None:
    an_edition(a_paper(picked_at=now() - timedelta(days=days), editor_note="Read section four."))
    page = front_page(client)
    assert "Editor’s pick" not in page
    assert "Read section four." not in page


def test_a_note_keeps_its_paragraphs(client: Client) -> None:
    an_edition(a_paper(picked_at=now(), editor_note="Read section four.\n\nThen read it again."))
    assert "<p>Then read it again.</p>" in front_page(client)


def test_the_editors_letter_stands_above_the_papers(client: Client) -> None:
    edition = an_edition(a_paper())
    assert "A letter from" not in front_page(client)
    edition.letter = "Read *slowly* today."
    edition.save()
    page = front_page(client)
    assert "<em>slowly</em>" in page
    assert page.index("A letter from") < page.index("How they are ranked")
