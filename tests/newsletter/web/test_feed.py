"""The Atom feed."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.test import Client
from django.utils.timezone import now
from lxml import etree
from pytest_django import DjangoAssertNumQueries

from papers.models import Paper
from tests.factories import a_paper, an_edition

pytestmark = pytest.mark.django_db
ATOM = "{http://www.w3.org/2005/Atom}"


def feed(client: Client) -> etree._Element:
    response = client.get("/feed.xml")
    assert response.status_code == 200
    assert response["Content-Type"].startswith("application/atom+xml")
    return etree.fromstring(response.content)


def test_it_has_what_rfc_4287_asks_for(client: Client) -> None:
    an_edition(a_paper(), a_paper(authors=[]))
    root = feed(client)
    entries = root.findall(f"{ATOM}entry")
    assert root.tag == f"{ATOM}feed"
    assert len(entries) == 2
    for element in (root, *entries):
        for name in ("id", "title", "updated"):
            assert element.findtext(f"{ATOM}{name}")
        assert element.find(f"{ATOM}author/{ATOM}name") is not None
        assert len(element.findall(f"{ATOM}link[@rel='alternate']")) == 1
    assert root.find(f"{ATOM}link[@rel='self']") is not None
    assert len({entry.findtext(f"{ATOM}id") for entry in entries}) == 2


def test_links_are_absolute_on_the_sites_own_address(client: Client) -> None:
    paper = a_paper()
    an_edition(paper)
    link = feed(client).find(f"{ATOM}entry/{ATOM}link")
    assert link is not None
    assert link.get("href") == f"http://127.0.0.1:8000{paper.get_absolute_url()}"


def test_an_empty_site_has_an_empty_feed(client: Client) -> None:
    assert feed(client).findall(f"{ATOM}entry") == []


def test_hostile_titles_are_text_and_abstracts_are_escaped_html(client: Client) -> None:
    attack = "<script>alert(1)</script> a < b"
    paper = a_paper(title=attack, abstract=attack)
    Paper.objects.filter(pk=paper.pk).update(title=f"\x0b{attack}")
    an_edition(paper)
    entry = feed(client).find(f"{ATOM}entry")
    assert entry is not None
    assert entry.findtext(f"{ATOM}title") == attack
    summary = entry.findtext(f"{ATOM}summary")
    assert summary == "New. &lt;script&gt;alert(1)&lt;/script&gt; a &lt; b"


def test_each_author_is_an_element_up_to_a_number_that_readers_bear(client: Client) -> None:
    names = [f"Author {number}" for number in range(3000)]
    an_edition(a_paper(authors=["Ada Lovelace", "Alan\x0b Turing"]), a_paper(authors=names))
    few, many = (
        [author.text for author in entry.findall(f"{ATOM}author/{ATOM}name")]
        for entry in feed(client).findall(f"{ATOM}entry")
    )
    assert few == ["Ada Lovelace", "Alan Turing"]
    assert many == names[:30]


def test_an_editors_pick_is_marked_with_its_note_while_it_is_in_force(client: Client) -> None:
    an_edition(
        a_paper(abstract="A.", picked_at=now(), editor_note="Read\nthis."),
        a_paper(abstract="B.", picked_at=now()),
        a_paper(abstract="C.", picked_at=now() - timedelta(days=8), editor_note="Once."),
        day=now().date() - timedelta(days=1),
    )
    assert [entry.findtext(f"{ATOM}summary") for entry in feed(client).findall(f"{ATOM}entry")] == [
        "Editor’s pick: “Read this.” New. A.",
        "Editor’s pick. New. B.",
        "New. C.",
    ]


def test_a_paper_that_trends_for_days_is_one_entry(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    lasting = a_paper()
    for day in range(1, 6):
        an_edition(lasting, a_paper(), day=date(2025, 3, day))
    with django_assert_max_num_queries(5):
        entries = feed(client).findall(f"{ATOM}entry")
    assert len(entries) == 4
