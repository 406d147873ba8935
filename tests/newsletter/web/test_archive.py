"""The days that were."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from papers.models import Paper
from tests.factories import a_paper, an_edition, rename

pytestmark = pytest.mark.django_db


def test_an_empty_archive_says_so(client: Client) -> None:
    assert "No edition has been printed yet" in client.get("/archive/").content.decode()


def test_it_lists_the_days_newest_first_with_their_first_paper(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    start = datetime(2025, 3, 31, tzinfo=UTC)
    papers = [a_paper(announced_at=start - timedelta(days=age)) for age in range(40)]
    for age, paper in enumerate(papers):
        an_edition(paper, day=date(2025, 3, 31) - timedelta(days=age))
    with django_assert_max_num_queries(4):
        page = client.get("/archive/").content.decode()
    assert page.index(papers[0].title) < page.index(papers[1].title)
    assert "/archive/2025-03-31/" in page
    assert papers[39].title not in page
    assert papers[39].title in client.get("/archive/?page=2").content.decode()


def test_a_day_shows_thirty_papers_a_page_and_its_neighbours(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for day in (9, 11, 14):
        an_edition(day=date(2025, 3, day))
    papers = [a_paper() for _ in range(50)]
    an_edition(*papers, day=date(2025, 3, 12))
    with django_assert_max_num_queries(5):
        page = client.get("/archive/2025-03-12/").content.decode()
    assert all(paper.title in page for paper in papers[:30])
    assert not any(paper.title in page for paper in papers[30:])
    second = client.get("/archive/2025-03-12/?page=2").content.decode()
    assert all(paper.title in second for paper in papers[30:])
    assert '<span class="sr">Number </span>31' in second
    assert "/archive/2025-03-11/" in page
    assert "/archive/2025-03-14/" in page
    assert "/archive/2025-03-09/" not in page


def test_a_day_without_an_edition_is_not_found_and_says_which(client: Client) -> None:
    response = client.get("/archive/2025-03-11/")
    assert response.status_code == 404
    assert "There is no edition of 11 March 2025." in response.content.decode()


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_the_first_and_the_last_day_of_the_calendar_are_days_too(client: Client, day: str) -> None:
    assert client.get(f"/archive/{day}/").status_code == 404


def test_a_day_before_the_first_edition_shows_what_was_listed_on_it(client: Client) -> None:
    day = datetime(2025, 3, 11, tzinfo=UTC)
    listed = [a_paper(announced_at=day), a_paper(announced_at=day)]
    other = a_paper(announced_at=day + timedelta(days=1))
    page = client.get("/archive/2025-03-11/").content.decode()
    assert page.index(listed[0].title) < page.index(listed[1].title)
    assert other.title not in page


def test_an_edition_still_shows_a_paper_that_has_a_new_id(client: Client) -> None:
    paper = a_paper(canonical_id="t-0123456789ab", announced_at=datetime(2025, 3, 11, tzinfo=UTC))
    an_edition(paper, day=date(2025, 3, 11))
    rename(paper, "2503.00001")
    assert paper.title in client.get("/archive/2025-03-11/").content.decode()


def test_the_list_of_days_still_names_a_paper_that_has_a_new_id(client: Client) -> None:
    paper = a_paper(canonical_id="t-0123456789ab", announced_at=datetime(2025, 3, 11, tzinfo=UTC))
    an_edition(paper, day=date(2025, 3, 11))
    rename(paper, "2503.00001")
    page = client.get("/archive/").content.decode()
    assert paper.title in page
    assert "An empty day" not in page


def test_a_day_is_called_by_its_first_new_paper_that_is_not_hidden(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    tuesday = datetime(2025, 3, 11, 8, tzinfo=UTC)
    hidden, second, third = (a_paper(announced_at=tuesday) for _ in range(3))
    of_wednesday = a_paper(announced_at=tuesday + timedelta(days=1))
    an_edition(hidden, second, third, day=date(2025, 3, 11))
    an_edition(third, of_wednesday, day=date(2025, 3, 12))
    an_edition(of_wednesday, third, day=date(2025, 3, 13))
    Paper.objects.filter(pk=hidden.pk).update(hidden=True)
    with django_assert_max_num_queries(4):
        page = client.get("/archive/").content.decode()
    assert page.index("Nothing new") < page.index(of_wednesday.title) < page.index(second.title)
    assert third.title not in page
    assert hidden.title not in page
    assert "2 new papers" in page


def test_a_day_counts_all_papers_that_it_brought_listed_or_not(client: Client) -> None:
    tuesday = datetime(2025, 3, 11, 8, tzinfo=UTC)
    listed = a_paper(announced_at=tuesday)
    for _ in range(4):
        a_paper(announced_at=tuesday)
    old = a_paper(announced_at=tuesday - timedelta(days=1))
    an_edition(old, listed, day=date(2025, 3, 11))
    assert "5 new papers" in client.get("/archive/").content.decode()
    assert (
        "5 papers came on Tuesday, 11 March" in client.get("/archive/2025-03-11/").content.decode()
    )
    assert "<span>5 papers</span>" in client.get("/").content.decode()


@pytest.mark.parametrize("day", ["2025-13-01", "20250311", "2025-W11-2", "yesterday", "0000-00-00"])
def test_what_is_not_a_day_is_not_found_and_shows_the_spelling(client: Client, day: str) -> None:
    response = client.get(f"/archive/{day}/")
    assert response.status_code == 404
    assert "2025-03-11" in response.content.decode()


def test_an_unchanged_page_is_not_sent_twice(client: Client) -> None:
    an_edition(a_paper(), day=date(2025, 3, 11))
    first = client.get("/archive/2025-03-11/")
    again = client.get("/archive/2025-03-11/", headers={"if-none-match": first["ETag"]})
    assert again.status_code == 304
    assert "Cookie" not in first.get("Vary", "")


def test_a_day_shows_the_picks_that_stood_on_it(client: Client) -> None:
    evening = datetime(2025, 3, 11, 20, tzinfo=UTC)
    then = a_paper(picked_at=evening, editor_note="Chosen that day.")
    later = a_paper(picked_at=evening + timedelta(days=1), editor_note="Chosen on the next.")
    old = a_paper(picked_at=evening - timedelta(days=8), editor_note="Long faded.")
    an_edition(then, later, old, day=date(2025, 3, 11))
    page = client.get("/archive/2025-03-11/").content.decode()
    assert "Chosen that day." in page
    assert "Chosen on the next." not in page
    assert "Long faded." not in page


def test_hidden_papers_are_not_counted(client: Client) -> None:
    an_edition(a_paper(), a_paper(), hidden := a_paper(), day=date(2025, 3, 11))
    Paper.objects.filter(pk=hidden.pk).update(hidden=True)
    for page in ("/archive/", "/archive/2025-03-11/", "/"):
        assert re.search(r"\b2 (new )?papers", client.get(page).content.decode())


def test_a_sample_edition_is_not_called_new_in_the_archive(client: Client) -> None:
    paper = a_paper(announced_at=datetime(2026, 3, 11, 12, tzinfo=UTC))
    an_edition(paper, day=date(2026, 11, 30))
    page = client.get("/archive/").content.decode()
    assert "1 paper, a sample" in page
    assert "new paper" not in page
    page = client.get("/archive/2026-11-30/").content.decode()
    assert "<title>Sample edition of 11 March 2026" in page
    assert "A sample edition: 1 paper of Wednesday, 11 March 2026." in page


def test_an_edition_that_has_grown_old_was_news_on_its_day(client: Client) -> None:
    an_edition(a_paper(announced_at=datetime(2025, 3, 10, tzinfo=UTC)), day=date(2025, 3, 11))
    assert "1 new paper" in client.get("/archive/").content.decode()
    assert "1 paper came on" in client.get("/archive/2025-03-11/").content.decode()
