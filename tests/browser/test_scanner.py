"""Mail scanners open every link of a mail and run its pages' scripts: nothing may come of it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.mails import confirm, open_mail, sign_up
from tests.service import Service

pytestmark = pytest.mark.browser
# What changes by itself while the worker lives: its heartbeat and the visits to the sources.
RESTLESS = {"newsletter_heartbeat", "papers_source", "papers_turn", "sqlite_sequence"}


def contents(service: Service) -> dict[str, list[object]]:
    """Every row of every table that people can change."""
    tables = service.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
    names = {str(name) for (name,) in tables} - RESTLESS
    return {name: service.rows(f'SELECT * FROM "{name}"') for name in names}


@pytest.mark.parametrize(
    ("number", "fewest"), [(1, 2), (2, 20)], ids=["the confirmation", "a digest"]
)
def test_opening_every_link_of_a_mail_changes_nothing(
    page: Page, service: Service, number: int, fewest: int
) -> None:
    reader = f"scanned{number}@example.org"
    sign_up(page, reader)
    if number == 2:
        confirm(page, reader)
    mail = open_mail(page, reader, number)
    hrefs = mail.locator("a").evaluate_all("links => links.map(link => link.href)")
    links = sorted({href.partition("#")[0] for href in hrefs if href.startswith(service.url)})
    assert len(links) >= fewest
    before = contents(service)
    for link in links:
        answer = page.goto(link)
        assert answer is not None
        assert answer.status == 200, link
    assert contents(service) == before
