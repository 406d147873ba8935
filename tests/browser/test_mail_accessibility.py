"""axe-core finds nothing serious in mails of all states, in a real browser.

``MAILS`` in the environment sets how many digests are looked at; forty by default.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import sync_playwright

from newsletter.mail import messages, snapshots
from newsletter.models import FrozenLetter
from tests.browser.conftest import FLAGS
from tests.newsletter.mail.test_accessibility import MAILS, a_random_digest, notices
from tests.newsletter.mail.test_mail_programs import LETTER

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

SEVERE: Final = {"serious", "critical"}
RUN: Final = """
(severe) => axe.run({resultTypes: ["violations"]}).then(({violations}) => violations
  .filter(({impact}) => severe.includes(impact))
  .map(({id, nodes}) => `${id}: ${nodes[0].html.slice(0, 200)}`))
"""


def mails() -> Iterator[str]:
    """Digests as mail, every fifth as a page and every third with a letter; and the notices."""
    FrozenLetter.objects.create(key="letter", markdown=LETTER)
    for seed in range(MAILS):
        digest = a_random_digest(seed)
        digest.letter = "" if seed % 3 else "letter"
        cards = snapshots.cards_of(digest)
        if seed % 5:
            yield str(messages.digest_message(digest, cards).alternatives[0][0])
        else:
            yield messages.digest_page(digest, cards)
    yield from notices()


def severe_faults(pages: Sequence[str]) -> list[str]:
    """Every serious or critical violation, light and dark in turn.

    Setting the content of a tab keeps its window, so that axe-core is loaded once for each.
    """
    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        tabs = [browser.new_page(color_scheme="light"), browser.new_page(color_scheme="dark")]
        for tab in tabs:
            tab.evaluate(AXE_SCRIPT)
        for number, page in enumerate(pages):
            tab = tabs[number % 2]
            tab.set_content(page)
            found += [f"mail {number}: {fault}" for fault in tab.evaluate(RUN, sorted(SEVERE))]
        browser.close()
    return found


def in_a_thread(pages: Sequence[str]) -> list[str]:
    """The same; Django refuses its database to a thread that runs the event loop of Playwright."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(severe_faults, pages).result()


def test_no_mail_has_a_serious_fault() -> None:
    pages = list(mails())
    assert in_a_thread(pages) == []
    assert len(pages) == MAILS + 3


def test_a_fault_after_others_is_found_in_light_and_in_dark() -> None:
    [good, *_] = notices()
    pale = "<html lang=en><title>x</title><main><h1 style='color:{0};background:{1}'>Hi</h1></main>"
    faulty = [pale.format("#eee", "#fff"), pale.format("#222", "#111")]
    found = in_a_thread([good, good, *faulty, good, good, "<html><title>x</title><p>Hi"])
    assert [fault.split(": ")[:2] for fault in found] == [
        ["mail 2", "color-contrast"],
        ["mail 3", "color-contrast"],
        ["mail 6", "html-has-lang"],
    ]
