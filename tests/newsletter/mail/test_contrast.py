"""Every letter of a mail can be read, by day and by night (WCAG 2.2, contrast of 4.5)."""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT

MAILS = sorted(path.stem for path in (ROOT / "templates" / "emails").glob("*.html"))
SHEET = {"day": "#fffdf8", "night": "#1e2125"}


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb``."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("name", MAILS)
def test_text_stands_out_by_day(name: str) -> None:
    source = (ROOT / "templates" / "emails" / f"{name}.html").read_text()
    for style in re.findall(r'style="([^"]*)"', source):
        ink = re.search(r"(?<!-)\bcolor:(#\w{6})", style)
        ground = re.search(r"background-color:(#\w{6})", style)
        if ink:
            assert contrast(ink[1], ground[1] if ground else SHEET["day"]) >= 4.5, style


def test_text_stands_out_by_night() -> None:
    source = (ROOT / "templates" / "emails" / "base.html").read_text()
    night = source.partition("(prefers-color-scheme: dark)")[2].partition("</style>")[0]
    rules = re.findall(r"\{([^}]*)\}", night)
    inks = [re.search(r"(?<!-)\bcolor: (#\w{6})", rule) for rule in rules]
    grounds = [re.search(r"background-color: (#\w{6})", rule) for rule in rules]
    pairs = [
        (ink[1], ground[1] if ground else SHEET["night"])
        for ink, ground in zip(inks, grounds, strict=True)
        if ink
    ]
    assert len(pairs) == 4
    assert all(contrast(*pair) >= 4.5 for pair in pairs)


@pytest.mark.parametrize("name", MAILS)
def test_every_coloured_element_has_a_colour_for_the_night(name: str) -> None:
    source = (ROOT / "templates" / "emails" / f"{name}.html").read_text()
    coloured = re.findall(r'<(?:a|p|h\d|div|td)\b[^>]*style="[^"]*(?<!-)\bcolor:#[^>]*>', source)
    for element in coloured:
        assert re.search(r'class="[^"]*\b(ink|soft|accent|button)\b', element), element
