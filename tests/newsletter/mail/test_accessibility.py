"""What the Email Markup Consortium counts, in mails of all states.

``MAILS`` in the environment sets how many digests are looked at; forty by default.
"""

from __future__ import annotations

import itertools
import os
import random
import re
from datetime import date
from typing import Any

import pytest
from lxml import html as markup
from pytest_django import Settings

from newsletter.mail import messages, snapshots
from newsletter.models import Consent, Digest, Notice
from papers.models import Paper
from tests.factories import a_digest, a_paper, a_subscriber

pytestmark = pytest.mark.django_db
MAILS = int(os.environ.get("MAILS", "40"))
TITLES = (
    "Sparse attention",
    "تعلم عميق للغة العربية",
    "למידה עמוקה",
    "大規模言語モデル " * 12,
    'A <b>bold</b> & "quoted" title of $x^2$ ' * 5,
    r"Bounds of $\mathcal{O}(n^{3/2} \log_2 n)$ for H$_2$O and $^{13}$C",
)
FORMULAS = r"We show that $E = mc^2$ and $\sum_{i=1}^n x_i^{2k} \leq \frac{a}{b}$ hold. " * 4
ABSTRACTS = ("", "One sentence.", "字" * 2000, "Words follow. " * 60, FORMULAS)
REMARKS = ("", "Nothing new on “sign language”.", "Nothing new in Number Theory. " * 9)
REASONS = ("new", "", "you follow Ada Lovelace", "because of “<i>x</i>” & more")
SLOTS = (("pick", "new"), ("personal", "new"), ("trending", "new"), ("trending", "rising"))


def a_random_digest(seed: int) -> Digest:
    """A digest of odd papers: without abstract, authors or links, in any script."""
    chance = random.Random(seed)
    items = []
    for _ in range(chance.randrange(1, 21)):
        paper = a_paper(
            title=chance.choice(TITLES),
            abstract=chance.choice(ABSTRACTS),
            authors=chance.choice(([], ["Ada Lovelace"], [f"Author {n}" for n in range(500)])),
            url=chance.choice(("", "https://arxiv.org/abs/2503.00001", "https://example.org/a")),
            code_url=chance.choice(("", "https://github.com/example/code")),
            primary_category=chance.choice(("", "cs.CL")),
        )
        slot, part = chance.choice(SLOTS)
        item = {"paper": paper.canonical_id, "slot": slot, "reason": chance.choice(REASONS)}
        items.append(item | chance.choice(({"part": part}, {}, {"note": "A note. " * 20})))
    subscriber = a_subscriber(frequency=chance.choice(("daily", "weekly")))
    remark = chance.choice(REMARKS)
    return a_digest(subscriber=subscriber, items=items, due_on=date(2026, 3, 11), remark=remark)


def notices() -> list[str]:
    subscriber = a_subscriber()
    consent = Consent.objects.create(subscriber=subscriber, action=Consent.Action.SIGN_UP)
    asked = Notice(subscriber=subscriber, consent=consent, kind="confirm")
    known = Notice(subscriber=subscriber, kind="manage")
    wanted = Notice(subscriber=subscriber, kind="privacy")
    mails = (
        messages.confirm_message(asked),
        messages.manage_message(known),
        messages.privacy_message(wanted),
    )
    return [str(mail.alternatives[0][0]) for mail in mails]


def faults(page: str) -> list[str]:
    """Every fault of a mail or a page, in words."""
    root: Any = markup.document_fromstring(page)
    levels = [int(element.tag[1]) for element in root.iter("h1", "h2", "h3", "h4")]
    named = [link for link in root.iter("a") if link.text_content().strip() and link.get("href")]
    outer = [root, *root.body]
    checks = {
        "html or a child of body without lang or dir": all(
            element.get("lang") and element.get("dir") for element in outer
        ),
        "a layout table without a role": all(
            table.get("role") == "presentation" for table in root.iter("table")
        ),
        "not one h1, first of all": levels[:1] == [1] and levels.count(1) == 1,
        "a heading is skipped": all(b <= a + 1 for a, b in itertools.pairwise(levels)),
        "a link without a name or an address": len(named) == len(list(root.iter("a"))),
        "a picture": not list(root.iter("img")),
        "no title": bool((root.findtext(".//title") or "").strip()),
        "no landmark around all": [part.get("role") for part in root.body]
        in (["article"], ["main"]),
    }
    return [fault for fault, passed in checks.items() if not passed]


@pytest.mark.parametrize("seed", range(MAILS))
def test_a_digest_has_no_fault_that_is_counted_as_mail_and_as_page(seed: int) -> None:
    digest = a_random_digest(seed)
    shown = snapshots.cards_of(digest)
    mail = messages.digest_message(digest, shown)
    assert faults(str(mail.alternatives[0][0])) == []
    assert faults(messages.digest_page(digest, shown)) == []


def test_notices_have_no_fault_that_is_counted() -> None:
    for page in notices():
        assert faults(page) == []


def test_titles_and_names_take_the_direction_of_their_own_script() -> None:
    digest = a_random_digest(3)
    page = messages.digest_page(digest, snapshots.cards_of(digest))
    root: Any = markup.document_fromstring(page)
    assert {title.find("a").get("dir") for title in root.iter("h3")} == {"auto"}


def test_the_button_is_a_padded_cell_which_outlook_shows() -> None:
    confirm = notices()[0]
    [cell] = re.findall(r"<td class=\"button\"[^>]*>", confirm)
    assert 'bgcolor="#a8281c"' in cell
    assert "padding:12px 22px" in cell


def test_ten_papers_take_less_than_40_kilobytes_and_the_first_is_the_largest() -> None:
    papers = [
        a_paper(
            abstract="A sentence of an abstract. " * 30, authors=[f"Author {n}" for n in range(9)]
        )
        for _ in range(10)
    ]
    items = [
        {"paper": p.canonical_id, "slot": "personal", "part": "new", "reason": "near " + "x" * 80}
        for p in papers
    ]
    digest = a_digest(items=items)
    mail = messages.digest_message(digest, snapshots.cards_of(digest))
    page = str(mail.alternatives[0][0])
    assert len(page.encode()) < 40_000
    sizes = [int(size) for size in re.findall(r"<h3 [^>]*font-size:(\d+)px", page)]
    assert sizes == [27, *[18] * 9]
    assert re.findall(r">(\d+)\.</td>", page) == [str(number) for number in range(1, 11)]


def test_the_mail_opens_with_what_is_new_and_stands_in_parts() -> None:
    reasons = ["you follow Ada", "you follow Bob", "near x", "trending", "old"]
    parts = [*[("personal", "new")] * 3, ("trending", "new"), ("trending", "rising")]
    items = [
        {"paper": a_paper().canonical_id, "slot": slot, "part": part, "reason": reason}
        for reason, (slot, part) in zip(reasons, parts, strict=True)
    ]
    digest = a_digest(items=items)
    mail = messages.digest_message(digest, snapshots.cards_of(digest))
    opening = "4 new: 2 by people you follow, 1 for you, 1 trending · 1 rising or missed"
    for part in (mail.body, str(mail.alternatives[0][0])):
        assert opening in part
        assert part.index("New") < part.index("Rising or missed")


def test_a_page_that_is_passed_on_holds_no_address_and_no_link_that_acts() -> None:
    digest = a_random_digest(7)
    page = messages.digest_page(digest, snapshots.cards_of(digest))
    assert digest.subscriber.email not in page
    for acting in ("/preferences/", "/unsubscribe/", "/feedback/", "/privacy/"):
        assert acting not in page
    assert "like this" not in page
    assert Paper.objects.exists()


@pytest.mark.parametrize("reply_to", ["", "Editors <editors@example.org>"])
def test_help_archive_and_the_address_for_answers_are_in_the_headers(
    settings: Settings, reply_to: str
) -> None:
    settings.SITE_URL = "https://papers.example.org"
    settings.CONTACT_EMAIL = "hello@example.org"
    settings.REPLY_TO_EMAIL = reply_to
    digest = a_random_digest(5)
    mail: Any = messages.digest_message(digest, snapshots.cards_of(digest))
    written = mail.wire_bytes().decode()
    assert "List-Archive: <https://papers.example.org/archive/>\r\n" in written
    assert "List-Help: <mailto:hello@example.org?subject=help>\r\n" in written
    assert (f"Reply-To: {reply_to}\r\n" in written) == bool(reply_to)
    assert mail.wire_bytes() == mail.message().as_bytes(linesep="\r\n")


# Properties that Gmail, Outlook for Windows, Apple Mail and Yahoo all show, or whose absence leaves
# a mail readable (caniemail.com): rounded corners, the widest width, and how words are broken.
SHOWN_EVERYWHERE = {
    *("background-color", "border-bottom", "border-left", "border-top", "color", "display"),
    *("font", "font-family", "font-size", "font-style", "font-weight", "letter-spacing"),
    *("line-height", "margin", "padding", "padding-bottom", "padding-left", "padding-top"),
    *("text-align", "text-decoration"),
}
HARMLESS_WHERE_MISSING = {
    *("-webkit-text-size-adjust", "border-radius", "max-height", "max-width", "mso-hide"),
    *("overflow", "overflow-wrap"),
}


def test_inline_styles_use_what_every_mail_program_shows() -> None:
    digest = a_random_digest(11)
    mail = messages.digest_message(digest, snapshots.cards_of(digest))
    for page in (str(mail.alternatives[0][0]), *notices()):
        styles = ";".join(re.findall(r'style="([^"]*)"', page)).split(";")
        used = {style.partition(":")[0].strip() for style in styles if style}
        assert used <= SHOWN_EVERYWHERE | HARMLESS_WHERE_MISSING
        assert set(re.findall(r"display:([\w-]+)", page)) <= {"none", "inline-block"}
