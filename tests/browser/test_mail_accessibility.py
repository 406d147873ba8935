"""axe-core finds nothing serious in mails of all states, in a real browser.

``MAILS`` in the environment sets how many digests are looked at; forty by default.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from newsletter.mail import messages, snapshots
from newsletter.models import FrozenLetter
from tests.browser.conftest import FLAGS
from tests.newsletter.mail.test_accessibility import MAILS, a_random_digest, notices
from tests.newsletter.mail.test_mail_programs import LETTER

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

SEVERE: Final = {"serious", "critical"}


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
    """Every serious or critical violation, light and dark in turn."""
    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for number, page in enumerate(pages):
            tab = browser.new_page(color_scheme="dark" if number % 2 else "light")
            tab.set_content(page)
            for violation in Axe().run(tab).response["violations"]:
                if violation["impact"] in SEVERE:
                    node = violation["nodes"][0]["html"][:200]
                    found.append(f"mail {number}: {violation['id']}: {node}")
            tab.close()
        browser.close()
    return found


def test_no_mail_has_a_serious_fault() -> None:
    pages = list(mails())
    # Django refuses its database to a thread that runs the event loop of Playwright.
    with ThreadPoolExecutor(1) as pool:
        faults = pool.submit(severe_faults, pages).result()
    assert faults == []
    assert len(pages) == MAILS + 3
