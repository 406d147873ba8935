"""The checks of axe-core and of the page's width, with everything that can be opened open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SPILLS = """
[...document.querySelectorAll("body *")]
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 1
    && !one.closest("pre, .sr, .decoy, .skip"))
  .map((one) => `${one.tagName} ${one.className}`)
"""


# Unfold asks for the colour scheme only when its own setting changes, and colours fade over.
FOLLOW_THE_SCHEME = """
async () => {
  const theme = window.Alpine && Alpine.$data(document.documentElement);
  if (!theme || !("adminTheme" in theme)) return;
  for (const name of ["light", "auto"]) {
    theme.adminTheme = name;
    await Alpine.nextTick();
  }
}
"""
STILL = "*, *::before, *::after { transition: none !important; animation: none !important; }"


def faults(page: Page, path: str = "") -> list[str]:
    """Open the path; what axe finds there, and what is wider than the window, one line each."""
    open_still(page, path)
    return faults_as_shown(page)


def open_still(page: Page, path: str = "") -> None:
    """Open the path and make the page ready for axe."""
    if path:
        answer = page.goto(path)
        assert answer is not None
    page.add_style_tag(content=STILL)
    page.evaluate(Axe().axe_script)


def faults_in_mode(page: Page, mode: Mapping[str, Any]) -> list[str]:
    """Show an open page in a mode; what is found then, one line each."""
    show_in(page, mode)
    where = f"{mode.get('color_scheme', 'light')}, {mode['viewport']['width']}"
    return [f"{where}: {line}" for line in faults_as_shown(page)]


def show_in(page: Page, mode: Mapping[str, Any]) -> None:
    """Give an open page this window and colour scheme without loading it again."""
    page.set_viewport_size(mode["viewport"])
    page.emulate_media(color_scheme=mode.get("color_scheme", "light"))
    page.evaluate(FOLLOW_THE_SCHEME)


def faults_as_shown(page: Page) -> list[str]:
    """What axe finds on a page as it is now, and what is wider than the window."""
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    found = page.evaluate(
        "axe.run({resultTypes: ['violations']}).then((results) => results.violations)"
    )
    lines = [
        f"{page.url}: {fault['id']} at {node['target']}"
        for fault in found
        for node in fault["nodes"][:3]
    ]
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    if wide:
        lines.append(f"{page.url}: wider than the window: {page.evaluate(SPILLS)[:3]}")
    return lines
