"""The inbox of the laptop world, as a person in front of a browser uses it."""

from __future__ import annotations

import time

from playwright.sync_api import FrameLocator, Page

PATIENCE = 60  # seconds until a mail must have arrived
LOADED = """() => document.readyState === "complete"
    || new Promise((resolve) => addEventListener("load", () => resolve(true)))"""


def sign_up(page: Page, address: str) -> None:
    page.goto("/")
    page.get_by_label("Your email address").fill(address)
    page.get_by_role("button", name="Subscribe").click()
    page.get_by_role("heading", name="Check your inbox").wait_for()


def open_mail(page: Page, address: str, number: int = 1) -> FrameLocator:
    """Wait until the address has that many mails and open the newest; its HTML, wholly read."""
    to_address = page.get_by_role("listitem").filter(has_text=f"to {address}")
    deadline = time.monotonic() + PATIENCE
    page.goto("/inbox/")
    while to_address.count() < number:
        assert time.monotonic() < deadline, f"{number} mails to {address} did not arrive"
        page.wait_for_timeout(300)
        page.reload()
    to_address.first.get_by_role("link").click()
    mail = page.frame_locator("iframe[title='The mail as HTML']")
    mail.locator("a").first.wait_for()
    mail.locator("html").evaluate(LOADED)
    return mail


def confirm_address(page: Page, address: str) -> None:
    """Open the confirmation mail, follow its link, press its page's button."""
    open_mail(page, address).get_by_role("link", name="Confirm my address").click()
    page.get_by_role("button", name="Yes, subscribe me").click()


def confirm(page: Page, address: str) -> None:
    """Confirm an address for which nothing was chosen, and ask for the first digest."""
    confirm_address(page, address)
    page.get_by_role("button", name="Send it now").click()
    page.get_by_text("Your first digest is on its way.").wait_for()
