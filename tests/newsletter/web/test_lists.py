"""The pages of the lists: today, this week and this month, in all fields and in one."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from papers.models import Paper
from papers.trending import lists
from tests.factories import a_paper, an_edition

pytestmark = pytest.mark.django_db
THURSDAY = datetime(2026, 11, 26, 12, tzinfo=UTC)
PAGES = [
    *("/week/", "/month/", "/fields/cs.CL/", "/fields/cs.CL/week/", "/fields/cs.CL/month/"),
    *("/fields/cs/", "/fields/cs/week/"),
]


def page_of(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize("path", PAGES)
def test_each_list_has_its_papers_its_feeds_and_a_box_to_sign_up(client: Client, path: str) -> None:
    paper = a_paper(announced_at=THURSDAY)
    lists.update(THURSDAY)
    page = page_of(client, path)
    assert paper.title in page
    assert f'href="{path}feed.xml"' in page
    assert f'href="{path}feed.json"' in page
    assert 'name="email"' in page


def test_every_list_has_a_title_and_a_description_of_its_own(client: Client) -> None:
    a_paper(announced_at=THURSDAY)
    lists.update(THURSDAY)
    pages = [page_of(client, path) for path in PAGES]
    titles = {page.split("<title>")[1].split("</title>")[0] for page in pages}
    descriptions = {page.split('name="description" content="')[1].split('"')[0] for page in pages}
    assert len(titles) == len(descriptions) == len(PAGES)


def test_a_field_offers_its_digest_daily_or_weekly(client: Client) -> None:
    a_paper(announced_at=THURSDAY)
    lists.update(THURSDAY)
    page = page_of(client, "/fields/cs.CL/week/")
    assert '<input type="hidden" name="topics" value="cs.CL">' in page
    assert '<input type="hidden" name="frequency" value="weekly">' in page
    assert 'name="frequency" value="daily"' in page_of(client, "/fields/cs.CL/")


def test_what_is_new_comes_before_what_is_still_rising(client: Client) -> None:
    rising = a_paper(announced_at=THURSDAY - timedelta(days=3), trending=9)
    new = a_paper(announced_at=THURSDAY, trending=1)
    lists.update(THURSDAY)
    page = page_of(client, "/fields/cs.CL/")
    assert "New on Thursday, 26 November" in page
    assert page.index(new.title) < page.index("Still rising") < page.index(rising.title)


def test_the_front_page_has_the_same_two_parts(client: Client) -> None:
    rising = a_paper(announced_at=THURSDAY - timedelta(days=3))
    new = a_paper(announced_at=THURSDAY)
    an_edition(rising, new, day=THURSDAY.date())
    page = page_of(client, "/")
    assert page.index(new.title) < page.index("Still rising") < page.index(rising.title)


def test_an_ended_period_has_an_address_and_neighbours(client: Client) -> None:
    a_paper(announced_at=THURSDAY - timedelta(days=7), title="Older")
    lists.update(THURSDAY - timedelta(days=7))
    a_paper(announced_at=THURSDAY, title="Newer")
    lists.update(THURSDAY)
    page = page_of(client, "/week/2026-W47/")
    assert "Older" in page
    assert 'href="/week/2026-W48/"' in page
    assert 'href="/fields/cs.CL/week/2026-W47/"' in page_of(client, "/fields/cs.CL/week/")
    assert "Older" in page_of(client, "/month/2026-11/")


@pytest.mark.parametrize(
    "path",
    [
        *("/week/2026-W60/", "/week/2026-48/", "/month/2026-13/", "/month/26-11/"),
        *(
            "/week/1999-W01/",
            "/week/1999-W01/feed.xml",
            "/fields/cs.ZZ/",
            "/fields/quux/week/",
            "/month/99999-01/",
        ),
    ],
)
def test_what_is_no_field_or_period_is_not_found(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_field_is_found_in_any_case_at_one_address(client: Client) -> None:
    response = client.get("/fields/CS.cl/week/")
    assert response.status_code == 301
    assert response["Location"] == "/fields/cs.CL/week/"


def test_a_field_without_papers_says_so(client: Client) -> None:
    a_paper(announced_at=THURSDAY)
    lists.update(THURSDAY)
    page = page_of(client, "/fields/math.AG/")
    assert "No paper of this field" in page
    assert 'name="topics" value="math.AG"' in page


def test_all_fields_are_one_page_away_with_their_papers_of_the_week(client: Client) -> None:
    a_paper(announced_at=THURSDAY)
    lists.update(THURSDAY)
    page = page_of(client, "/fields/")
    assert 'href="/fields/math.AG/"' in page
    assert '<span class="category">cs.CL</span> <span class="small">1</span>' in page


def test_a_hidden_paper_leaves_a_stored_list(client: Client) -> None:
    paper = a_paper(announced_at=THURSDAY)
    lists.update(THURSDAY)
    Paper.objects.update(hidden=True)
    assert paper.title not in page_of(client, "/fields/cs.CL/")


def test_thirty_papers_are_a_page_and_cost_a_handful_of_queries(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(45):
        a_paper(announced_at=THURSDAY, trending=100 - number, title=f"Paper {number:03}")
    lists.update(THURSDAY)
    with django_assert_max_num_queries(5):
        page = page_of(client, "/week/")
    assert "Paper 029" in page
    assert "Paper 030" not in page
    assert "Paper 044" in page_of(client, "/week/?page=2")


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/week/", "Trending papers of week 11, 2026"),
        ("/month/", "Trending papers of March 2026"),
        ("/fields/cs.CL/", "Computation and language: trending papers of 11 March 2026"),
    ],
)
def test_old_papers_are_not_called_those_of_this_week(
    client: Client, path: str, title: str
) -> None:
    old = datetime(2026, 3, 11, 12, tzinfo=UTC)
    a_paper(announced_at=old)
    lists.update(old)
    assert f'<h1 class="page-title">{title}</h1>' in page_of(client, path)


@pytest.mark.parametrize("path", ["/", *PAGES, "/fields/", "/archive/"])
def test_nothing_in_a_sample_edition_is_called_new_or_todays(client: Client, path: str) -> None:
    old = datetime(2026, 3, 11, 12, tzinfo=UTC)
    papers = [a_paper(title="Trees", announced_at=old - timedelta(days=age)) for age in (0, 3)]
    an_edition(*papers, day=THURSDAY.date(), reason="a repository")
    lists.update(old)
    page = page_of(client, path)
    main = re.sub(r"<[^>]*>", " ", page[page.index("<main") : page.index("</main>")])
    words = re.findall(r"(?i)\bnew\b|today|this week|this month|last thirty days", main)
    assert words == []
