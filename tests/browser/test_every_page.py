"""Every page in every mode: no fault that axe-core knows, nothing wider than the window."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.accessibility import faults
from tests.browser.mails import confirm, open_mail, sign_up
from tests.service import Service

pytestmark = pytest.mark.browser

MODES: Final[dict[str, dict[str, Any]]] = {
    "desktop": {"viewport": {"width": 1280, "height": 900}},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}},
    "dark phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
    "320 pixels": {"viewport": {"width": 320, "height": 640}},
}
PUBLIC: Final = (
    *("/", "/week/", "/month/", "/fields/", "/fields/cs.CL/", "/fields/cs/week/", "/archive/"),
    *("/search/", "/search/?q=transformer", "/search/?q=transfromer+quux", "/preview/"),
    *("/search/?q=model+field:nonsense", "/search/?q=-only"),
    *("/search/?q=transformer&order=date&from=2020-01-01", "/fields/cs.CL/month/"),
    *("/preview/?interests=vision+transformers", "/subscribe/", "/about/trending/", "/privacy/"),
    *("/inbox/", "/nowhere/", "/preferences/cut/", "/fields/quux/"),
)


@pytest.fixture(scope="module")
def reader_pages(browser: Browser, service: Service) -> list[str]:
    """The pages behind the links of a subscriber's mails, and the pages of a paper and a day."""
    context = browser.new_context(base_url=service.url)
    page = context.new_page()
    sign_up(page, "pages@example.org")
    links = set(_links(page, service, 1))
    confirm(page, "pages@example.org")
    links |= set(_links(page, service, 2))
    context.close()
    [(paper,)] = service.rows(
        "SELECT canonical_id FROM papers_paper ORDER BY trending DESC LIMIT 1"
    )
    [(day,)] = service.rows("SELECT day FROM papers_edition ORDER BY day DESC LIMIT 1")
    return sorted({*links, f"/papers/{paper}/", f"/archive/{day}/"})


def _links(page: Page, service: Service, number: int) -> list[str]:
    """The kinds of pages that a mail leads to, each once, without the site's address."""
    mail = open_mail(page, "pages@example.org", number)
    hrefs = mail.locator("a").evaluate_all("links => links.map(link => link.href)")
    paths = [href.removeprefix(service.url).partition("#")[0] for href in hrefs]
    own = {path.split("/")[1]: path for path in paths if path.startswith("/") and len(path) > 1}
    return list(own.values())


@pytest.fixture(params=MODES)
def mode_page(request: pytest.FixtureRequest, browser: Browser, service: Service) -> Iterator[Page]:
    """A page in one of the modes; axe is not a script of the site, so its policy is set aside."""
    context = browser.new_context(base_url=service.url, bypass_csp=True, **MODES[request.param])
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


def test_no_page_has_a_fault_that_axe_knows(mode_page: Page, reader_pages: list[str]) -> None:
    found = [fault for path in (*PUBLIC, *reader_pages) for fault in faults(mode_page, path)]
    assert found == []


def test_a_phone_shows_two_papers_without_scrolling(browser: Browser, service: Service) -> None:
    context = browser.new_context(base_url=service.url, **MODES["phone"])
    page = context.new_page()
    page.goto("/")
    assert page.get_by_role("link", name="inbox").is_visible()
    second = page.locator(".listed-paper").nth(1).locator(".abstract").first
    box = second.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 844
    context.close()


def test_every_page_is_whole_without_scripts(
    browser: Browser, service: Service, reader_pages: list[str]
) -> None:
    context = browser.new_context(
        base_url=service.url, java_script_enabled=False, **MODES["320 pixels"]
    )
    page = context.new_page()
    for path in (*PUBLIC, *reader_pages):
        page.goto(path)
        assert page.get_by_role("heading", level=1).count() == 1, path
    page.goto("/")
    page.locator("details.more").first.locator("summary").click()
    assert page.locator("details.more .abstract").first.is_visible()
    context.close()
