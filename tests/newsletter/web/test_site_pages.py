"""What holds for every public page."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import escape
from pytest_django import Settings

from newsletter.subscriptions import consent_log
from papers.models import Edition, Paper
from papers.trending import explanation
from tests.factories import a_paper, an_edition

pytestmark = pytest.mark.django_db
PAGES = ["/", "/archive/", "/search/?q=paper", "/about/trending/", "/privacy/", "/nothing-here/"]


@pytest.mark.parametrize("address", PAGES)
def test_it_needs_nothing_from_elsewhere_and_nothing_inline(client: Client, address: str) -> None:
    an_edition(a_paper())
    response = client.get(address)
    page = response.content.decode()
    assert "style=" not in page
    assert "<style" not in page
    assert not re.search(r"<script(?![^>]*(?:src=|ld\+json))", page)
    assert not re.search(r"\son\w+=", page)
    assert not re.search(r'(?:src|rel="stylesheet" href)="(?:https?:)?//', page)
    policy = response["Content-Security-Policy"]
    assert "script-src 'self';" in f"{policy};"
    assert "style-src 'self';" in f"{policy};"


@pytest.mark.parametrize("address", PAGES)
def test_it_can_be_read_without_eyes(client: Client, address: str) -> None:
    page = client.get(address).content.decode()
    assert '<html lang="en">' in page
    assert 'href="#main"' in page
    assert page.count("<main") == page.count("<h1") == 1
    inputs = re.findall(r'<input(?![^>]*type="hidden")[^>]* id="([^"]+)"', page)
    assert all(f'for="{name}"' in page for name in inputs)


@pytest.mark.parametrize("address", PAGES)
def test_it_is_read_only(client: Client, address: str) -> None:
    an_edition(a_paper())
    before = list(Paper.objects.values()), list(Edition.objects.values())
    client.get(address)
    client.head(address)
    assert client.post(address).status_code in {404, 405}
    assert (list(Paper.objects.values()), list(Edition.objects.values())) == before


def test_the_formula_is_explained_as_it_is_in_force(client: Client) -> None:
    page = client.get(reverse("about-trending")).content.decode()
    assert f"version {explanation.FORMULA_VERSION}" in page
    for title, _ in explanation.FORMULA:
        assert title in page
    for _, since, what in explanation.CHANGES:
        assert since in page
        assert escape(what) in page


def test_the_byline_names_the_editor(client: Client, settings: Settings) -> None:
    settings.EDITOR_NAME = "AK"
    assert "by AK and the research community" in client.get("/").content.decode()


def test_crawlers_keep_out_of_personal_links(client: Client) -> None:
    rules = client.get("/robots.txt").content.decode()
    assert "Disallow: /unsubscribe/" in rules


def test_a_missing_slash_is_added_for_a_reader(client: Client) -> None:
    response = client.get("/search?q=x")
    assert response.status_code == 301
    assert response["Location"] == "/search/?q=x"
    assert client.post("/search").status_code == 404


def test_a_crash_shows_a_page_that_needs_no_database(client: Client) -> None:
    client.raise_request_exception = False
    Edition.objects.create(day="2025-03-11", entries=[{"broken": True}], formula_version="1")
    response = client.get("/")
    assert response.status_code == 500
    assert "The press has jammed." in response.content.decode()


def test_the_privacy_page_quotes_what_subscribers_agree_to(client: Client) -> None:
    assert consent_log.CONSENT_TEXT in client.get("/privacy/").content.decode()


def test_a_page_that_is_not_there_speaks_no_jargon(client: Client, settings: Settings) -> None:
    settings.LOCAL = False
    for address in ("/nothing-here/", "/inbox/"):
        page = client.get(address).content.decode()
        assert "There is nothing at this address." in page
        assert "404" not in page
