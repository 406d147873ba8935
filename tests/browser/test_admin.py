"""An operator's visit in production: through the second factor and into every room."""

from __future__ import annotations

import re
from base64 import b32decode
from collections.abc import Iterator
from pathlib import Path

import pytest
from django_otp.oath import totp
from playwright.sync_api import Browser, Page, expect

from tests.service import Service

pytestmark = pytest.mark.browser

PRODUCTION = {
    "SITE_URL": "https://papers.example.org",
    "SECRET_KEY": "0123456789" * 5,
    "DEFAULT_FROM_EMAIL": "digest@papers.example.org",
    "EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend",
    "POSTAL_ADDRESS": "1 Example Street",
}


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service as it runs for the public, with a second factor and packed static files."""
    var: Path = tmp_path_factory.mktemp("production") / "var"
    with Service(var, **PRODUCTION) as service:
        service.wait_for("/readyz")
        yield service


@pytest.fixture(scope="module")
def complaints() -> list[str]:
    """Everything that the browser had to say about the pages."""
    return []


@pytest.fixture(scope="module")
def admin_page(browser: Browser, production: Service, complaints: list[str]) -> Iterator[Page]:
    """The admin, entered with the password that the first start printed and a fresh key."""
    context = browser.new_context(base_url=production.url)
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.on("console", lambda message: complaints.append(f"{page.url}: {message.text}"))
    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
    password = re.search(r"password\W+(\S+)", production.output)
    assert password, production.output
    page.goto("/admin/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(password[1])
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("img", name="as a QR code")).to_be_visible()
    key = b32decode(page.locator("#secret").inner_text().replace(" ", ""))
    page.get_by_label("Code").fill(f"{totp(key):06}")
    page.get_by_role("button", name="Enter").click()
    expect(page.get_by_text("Due today")).to_be_visible()
    yield page
    context.close()


def test_every_room_opens_without_a_complaint_of_the_browser(
    admin_page: Page, complaints: list[str]
) -> None:
    admin_page.goto("/admin/")
    links = admin_page.locator("#nav-sidebar-apps a").evaluate_all(
        "all => all.map(one => one.href)"
    )
    assert len(links) > 15
    for link in links:
        admin_page.goto(link)
        first = admin_page.locator("#result_list th a").first
        if first.count():
            first.click()
            admin_page.wait_for_load_state()

    assert complaints == []


def test_filters_and_actions_of_a_list_work(admin_page: Page, complaints: list[str]) -> None:
    admin_page.goto("/admin/papers/paper/")
    admin_page.locator("a", has_text="Filters").click()
    admin_page.locator("#changelist-filter").get_by_title("Yes").first.click()
    expect(admin_page.get_by_text("No results found")).to_be_visible()

    admin_page.goto("/admin/papers/paper/")
    admin_page.get_by_label("Select record").nth(1).check()
    admin_page.get_by_label("Select action to run").select_option("hide")
    admin_page.get_by_role("button", name="Run").click()

    expect(admin_page.get_by_text("1 paper: hidden.")).to_be_visible()
    assert complaints == []


def test_a_subscriber_s_digest_is_seen_in_its_frame(
    admin_page: Page, production: Service, complaints: list[str]
) -> None:
    admin_page.request.post(f"{production.url}/subscribe/", form={"email": "reader@example.org"})
    admin_page.goto("/admin/newsletter/subscriber/")
    admin_page.get_by_role("link", name="reader@example.org").click()
    admin_page.get_by_role("link", name="Preview").click()

    frame = admin_page.frame_locator("iframe")
    expect(frame.get_by_role("heading", name="New", exact=True)).to_be_visible()
    assert complaints == []
