"""A subscription from the first visit to the last click, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.mails import confirm, confirm_address, open_mail, sign_up
from tests.service import Service

pytestmark = pytest.mark.browser


def test_sign_up_confirm_read_rate_change_and_leave(page: Page, service: Service) -> None:
    reader = "reader@example.org"
    sign_up(page, reader)
    confirm(page, reader)

    mail = open_mail(page, reader, 2)
    expect(mail.get_by_role("link", name="More like this").nth(4)).to_be_visible()
    mail.get_by_role("link", name="More like this").first.click()
    page.get_by_role("button", name="More like this").click()
    expect(page.get_by_role("heading", name="Noted: more like this")).to_be_visible()

    open_mail(page, reader, 2).get_by_role("link", name="Change what you get").click()
    page.get_by_label("In your own words").fill("diffusion models")
    page.get_by_label("Once a week").check()
    page.get_by_label("Day of the week").select_option("Friday")
    page.get_by_label("Papers in a digest").fill("5")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status").first).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Remove diffusion models")).to_be_visible()
    expect(page.get_by_label("Once a week")).to_be_checked()
    expect(page.get_by_text("The next digest comes on Friday")).to_be_visible()

    open_mail(page, reader, 2).get_by_role("link", name="Unsubscribe").click()
    page.get_by_role("button", name="Unsubscribe").click()
    expect(page.get_by_role("heading", name="You are unsubscribed")).to_be_visible()
    assert service.rows("SELECT status FROM newsletter_subscriber WHERE email = ?", reader) == [
        ("unsubscribed",)
    ]


def test_the_sign_up_box_works_without_javascript(browser: Browser, service: Service) -> None:
    context = browser.new_context(base_url=service.url, java_script_enabled=False)
    page = context.new_page()
    sign_up(page, "quiet@example.org")
    confirm(page, "quiet@example.org")
    context.close()


def test_under_pressure_the_browser_works_a_moment_and_the_button_signs_up(
    page: Page, service: Service
) -> None:
    for number in range(20):
        page.request.post("/subscribe/", form={"email": f"r{number}@mailinator.com"})
    page.goto("/subscribe/")
    page.get_by_label("Your email address").fill("person@mailinator.com")
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    known = "SELECT COUNT(*) FROM newsletter_subscriber WHERE email = 'person@mailinator.com'"
    button = page.get_by_role("button", name="Subscribe")
    expect(button).to_be_enabled(timeout=60_000)
    assert service.rows(known)[0][0] == 0
    button.click()
    expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()
    assert service.rows(known)[0][0] == 1


def titles_of_first_papers(page: Page) -> list[str]:
    """The titles under the heading of the choices' first papers, once that page has arrived."""
    titles = page.locator("section[aria-labelledby=yours] h3")
    titles.last.wait_for()
    page.wait_for_load_state()
    return titles.all_inner_texts()


def test_what_the_preview_shows_begins_the_first_digest(page: Page, service: Service) -> None:
    reader = "chooser@example.org"
    page.goto("/preview/")
    page.get_by_label("In your own words").fill("language models")
    page.get_by_role("button", name="Show me").click()
    shown = titles_of_first_papers(page)
    page.get_by_label("Your email address").fill(reader)
    page.wait_for_timeout(2100)  # Nobody types an address faster.
    page.get_by_role("button", name="Subscribe", exact=True).click()
    expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()
    confirm_address(page, reader)
    mail = open_mail(page, reader, 2)
    assert mail.locator("h3").all_inner_texts()[: len(shown)] == shown


def test_who_chose_nothing_is_led_to_the_choices_and_gets_a_digest_when_they_are_saved(
    page: Page, service: Service
) -> None:
    reader = "later@example.org"
    sign_up(page, reader)
    confirm_address(page, reader)
    expect(page.get_by_text("You are subscribed.")).to_be_visible()
    assert "/preferences/" in page.url
    page.get_by_label("In your own words").fill("language models")
    page.get_by_role("button", name="Show what this gives").click()
    expect(page.get_by_text("Nothing is saved yet")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).last.click()
    expect(page.get_by_text("Your choices are saved.")).to_be_visible()
    expect(open_mail(page, reader, 2).locator("h3").first).to_be_visible()


def test_suggestions_can_be_taken_with_the_keys(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/preview/")
    box = page.get_by_label("Papers you like")
    box.press_sequentially("language")
    option = page.get_by_role("option").first
    expect(option).to_be_visible()
    expect(page.get_by_role("listbox")).to_be_in_viewport(ratio=0.99)
    title = option.inner_text()
    box.press("ArrowDown")
    box.press("Enter")
    expect(box).to_have_value(f"{title}\n")
