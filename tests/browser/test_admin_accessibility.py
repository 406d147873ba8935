"""The admin's pages, light and dark, on a desktop and a phone: no fault that axe-core knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.accessibility import faults_in_mode, open_still, show_in
from tests.browser.conftest import PASSWORD
from tests.browser.test_every_page import MODES
from tests.service import Service

pytestmark = pytest.mark.browser

ADMIN_MODES: Final = [mode for name, mode in MODES.items() if name != "320 pixels"]
NEWSLETTER: Final = "/admin/newsletter"
PATHS: Final = (
    *("/admin/", "/admin/admin/logentry/", "/admin/password_change/"),
    *(f"/admin/papers/{name}/" for name in ("paper", "edition", "source", "ingestrun", "signal")),
    *(f"{NEWSLETTER}/{name}/" for name in ("subscriber", "suppression", "digest", "notice")),
    *(f"{NEWSLETTER}/{name}/" for name in ("deliveryevent", "consent", "stream", "listimport")),
    "/admin/papers/source/add/",
    *(f"{NEWSLETTER}/listimport/upload/", f"{NEWSLETTER}/stream/pause/"),
)
OF_THE_FIRST: Final = (
    *("/admin/papers/paper", "/admin/papers/edition", "/admin/papers/source"),
    *(f"{NEWSLETTER}/{name}" for name in ("subscriber", "suppression", "digest")),
)
OF_A_PERSON: Final = (
    *("preview/", "explain/", "explain/?paper=2503.01234", "suppress/", "delete/", "history/"),
    *("links/", "test/"),
)


HALVES: Final = 2
"""So many workers of pytest-xdist share the pages."""


@pytest.fixture
def operator_page(browser: Browser, desk: Service) -> Iterator[Page]:
    """The admin, logged in."""
    context = browser.new_context(base_url=desk.url, bypass_csp=True)
    context.set_default_timeout(60_000)
    page = context.new_page()
    open_still(page, "/admin/")
    assert [fault for mode in ADMIN_MODES for fault in faults_in_mode(page, mode)] == []
    page.get_by_label("Username").fill("owner")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_text("Due today").wait_for()
    yield page
    context.close()


def paths_of(desk: Service) -> list[str]:
    """The paths of all pages, with the rows of this database."""
    own = []
    for start in OF_THE_FIRST:
        app, model = start.removeprefix("/admin/").split("/")
        [(key,)] = desk.rows(f"SELECT id FROM {app}_{model} ORDER BY id LIMIT 1")
        own.append(f"{start}/{key}/change/")
    [(person,)] = desk.rows("SELECT min(id) FROM newsletter_subscriber")
    [(taken_in,)] = desk.rows("SELECT max(id) FROM newsletter_listimport")
    return [
        *PATHS,
        *own,
        *(f"{NEWSLETTER}/subscriber/{person}/{path}" for path in OF_A_PERSON),
        f"{NEWSLETTER}/listimport/{taken_in}/change/",
    ]


@pytest.mark.parametrize("half", range(HALVES))
def test_no_page_of_the_admin_has_a_fault_that_axe_knows(
    operator_page: Page, desk: Service, half: int
) -> None:
    found = []
    for path in paths_of(desk)[half::HALVES]:
        open_still(operator_page, path)
        for mode in ADMIN_MODES:
            found += faults_in_mode(operator_page, mode)
    assert found == []


def test_a_page_follows_the_colour_scheme_without_being_loaded_again(operator_page: Page) -> None:
    open_still(operator_page, "/admin/")
    colours = set()
    for mode in ADMIN_MODES:
        show_in(operator_page, mode)
        colours.add(
            operator_page.evaluate("getComputedStyle(document.querySelector('h1, h2')).color")
        )
    assert len(colours) == 2
