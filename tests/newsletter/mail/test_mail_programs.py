"""Features of HTML and CSS in mails, against what mail programs show (caniemail.com)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from lxml import html as markup

from newsletter.mail import messages, snapshots
from newsletter.models import FrozenLetter
from tests.conftest import DATA
from tests.newsletter.mail.test_accessibility import a_random_digest, notices

pytestmark = pytest.mark.django_db

FEATURES: Final[dict[str, list[str]]] = json.loads(
    (DATA / "caniemail" / "features.json").read_text()
)
LETTER: Final = "# Dear all\n\n*One* [link](https://a.org)\n\n- a\n\n1. b\n\n> c\n\n`d`\n\n---\n"
FALLBACKS: Final = {
    "css-at-media": "the width of the sheet is fluid without it; on a phone it is a little tighter",
    "css-at-media-prefers-color-scheme": "the light colours stay, or the program makes its own",
    "css-border-radius": "corners are square",
    "css-color-scheme": "as css-at-media-prefers-color-scheme",
    "css-display-none": "the preheader has max-height, overflow and mso-hide as well",
    "css-max-height": "the preheader has display:none and mso-hide as well",
    "css-overflow": "the preheader has display:none and mso-hide as well",
    "css-overflow-wrap": "a very long word widens the sheet",
    "css-pseudo-class-hover": "a link is not underlined under the pointer",
    "css-selector-class": "only in the style sheet, which improves and is not needed",
    "css-selector-type": "only in the style sheet, which improves and is not needed",
    "html-aria-label": "screen readers read the subject and the heading instead",
    "html-body": "the sheet's table has the colour of the ground as well",
    "html-doctype": "the program has its own",
    "html-meta-color-scheme": "as css-at-media-prefers-color-scheme",
    "html-role": "layout tables are announced as tables",
    "html-style": "inline styles suffice",
}
"""Features that some program lacks, and what its reader gets instead."""
ELEMENTS: Final = {
    **dict.fromkeys(("h1", "h2", "h3"), "html-h1-h6"),
    **dict.fromkeys(("ul", "ol", "li"), "html-lists"),
    **dict.fromkeys(("table", "tr", "td"), "html-table"),
}
ATTRIBUTES: Final = ("align", "aria-label", "cellpadding", "cellspacing", "dir", "lang", "role")
FAMILIES: Final = {
    **dict.fromkeys(("border-top", "border-bottom", "border-left"), "css-border"),
    **dict.fromkeys(
        ("padding-top", "padding-bottom", "padding-left", "padding-right"), "css-padding"
    ),
    **dict.fromkeys(("font-family", "font-style"), "css-font"),
}


def features_of(page: str) -> set[str]:
    """Every feature of HTML and CSS in a mail that caniemail.com tells of."""
    root: Any = markup.document_fromstring(page)
    found = {"html-doctype", *_features_of_sheet("".join(root.xpath("//style/text()")))}
    for element in root.iter():
        if not isinstance(element.tag, str):
            found.add("html-comments")
            continue
        found.add(ELEMENTS.get(element.tag, f"html-{element.tag}"))
        found.update(f"html-{name}" for name in ATTRIBUTES if name in element.attrib)
        found.update(f"html-{name}" for name in ("valign", "width") if name in element.attrib)
        if element.get("name") == "color-scheme":
            found.add("html-meta-color-scheme")
        if element.get("href", "").startswith("mailto:"):
            found.add("html-mailto-links")
        found.update(_features_of_style(element.get("style", "")))
    return found & FEATURES.keys()


def _features_of_style(style: str) -> Iterator[str]:
    for declaration in filter(None, style.split(";")):
        name, _, value = declaration.partition(":")
        name = name.strip()
        yield FAMILIES.get(name, f"css-{name}")
        if name == "display":
            yield f"css-display-{value.strip()}"
        yield from (f"css-unit-{unit}" for unit in re.findall(r"\d(px|em|rem|vw|vh)\b", value))
        if "!important" in value:
            yield "css-important"


def _features_of_sheet(sheet: str) -> Iterator[str]:
    for query in re.findall(r"@media\s*\(([\w-]+)", sheet):
        yield from ("css-at-media", f"css-at-media-{query}")
    for selector, style in re.findall(r"([^{}]+)\{([^{}]*)\}", sheet):
        yield "css-selector-class" if "." in selector else "css-selector-type"
        yield from (f"css-pseudo-class-{name}" for name in re.findall(r":(\w+)", selector))
        yield from _features_of_style(style.replace("\n", ""))


def mails() -> Iterator[str]:
    """Digests of all states, one with a letter, and the notices."""
    FrozenLetter.objects.create(key="letter", markdown=LETTER)
    for seed in range(8):
        digest = a_random_digest(seed)
        digest.letter = "" if seed else "letter"
        mail = messages.digest_message(digest, snapshots.cards_of(digest))
        yield str(mail.alternatives[0][0])
    yield from notices()


def test_what_a_program_does_not_show_has_a_fallback() -> None:
    used = set().union(*map(features_of, mails()))
    lacking = {name for name in used if FEATURES[name]}
    assert len(used) > 30
    assert lacking == FALLBACKS.keys()


@pytest.mark.parametrize(
    ("shown", "feature"),
    [
        ('<p style="display:flex">', "css-display-flex"),
        ('<p style="box-shadow:0 0 1px red">', "css-box-shadow"),
        ("<style>.a:has(b) { width: calc(1px) }</style><p>", "css-pseudo-class-has"),
        ("<p><svg></svg>", "html-svg"),
        ('<p style="width:3vw">', "css-unit-vw"),
    ],
)
def test_the_check_sees_what_mail_programs_lack(shown: str, feature: str) -> None:
    page = f"<!doctype html><html><body>{shown}</body></html>"
    assert feature in features_of(page)
    assert FEATURES[feature]
