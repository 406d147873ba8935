"""What each group of operators meets in a browser: its lists, its buttons, and no others."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PASSWORD
from tests.service import Service

pytestmark = pytest.mark.browser

PAPERS = {"Papers", "Editions", "Sources", "Source runs", "Requested papers", "Signals"}
PEOPLE = {"Subscribers", "Consent log", "Suppressions"}
DELIVERY = {"Digests", "Notices", "Delivery events"}
SEEN = {
    "editor": {"Today"} | PAPERS,
    "support": {"Today", "Papers", "Editions"} | PEOPLE | DELIVERY,
    "operator": {"Today", "Imports", "Streams", "Heartbeats", "Rate limits", "Host locks"}
    | {"Audit log"}
    | PAPERS
    | PEOPLE
    | DELIVERY,
}
# Of one person: what the buttons and the foot of the page offer.
OFFERED = {
    "support": {"Preview", "Explain a paper", "Pause", "Unsubscribe", "Suppress"},
    "operator": {"Preview", "Explain a paper", "Pause", "Unsubscribe", "Suppress"}
    | {"Send now", "Send their links", "Send a test", "Delete subscriber"},
}


@pytest.fixture(params=SEEN)
def member(request: pytest.FixtureRequest, browser: Browser, desk: Service) -> Iterator[Page]:
    """The admin as one group sees it; ``page.group`` is in the account's name."""
    context = browser.new_context(base_url=desk.url)
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto("/admin/")
    page.get_by_label("Username").fill(request.param)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("Due today")).to_be_visible()
    yield page
    context.close()


def group_of(page: Page) -> str:
    return next(name for name in SEEN if page.get_by_text(f"{name}@example.org").count())


def test_each_group_finds_its_lists_and_every_page_opens(member: Page) -> None:
    group = group_of(member)
    links = member.locator("#nav-sidebar-apps a")
    found = dict(
        links.evaluate_all(
            "all => all.map(one => [one.lastElementChild.textContent.trim(), one.href])"
        )
    )
    assert set(found) == SEEN[group]
    for name, url in found.items():
        answer = member.goto(url)
        assert answer is not None
        assert answer.status == 200, name


def test_each_group_is_offered_what_it_may_do_to_a_person(member: Page) -> None:
    group = group_of(member)
    answer = member.goto("/admin/newsletter/subscriber/1/change/")
    assert answer is not None
    if group not in OFFERED:
        assert answer.status == 403
        return
    every = set().union(*OFFERED.values())
    buttons = member.locator("a, button")
    # The name of a symbol may stand before that of the button.
    endings = {name: re.compile(rf"(^|\s){name}\s*$") for name in every}
    shown = {name for name in every if buttons.filter(has_text=endings[name]).count()}
    assert shown == OFFERED[group]


def test_only_operators_take_lists_in_and_stop_streams(member: Page) -> None:
    allowed = group_of(member) == "operator"
    for url in ("/admin/newsletter/listimport/upload/", "/admin/newsletter/stream/pause/"):
        answer = member.goto(url)
        assert answer is not None
        assert (answer.status == 200) is allowed
