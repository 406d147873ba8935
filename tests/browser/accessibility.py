"""The checks of axe-core and of the page's width, with everything that can be opened open."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SPILLS = """
[...document.querySelectorAll("body *")]
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 1
    && !one.closest("pre, .sr, .decoy, .skip"))
  .map((one) => `${one.tagName} ${one.className}`)
"""


def faults(page: Page, path: str = "") -> list[str]:
    """Open the path; what axe finds there, and what is wider than the window, one line each."""
    if path:
        answer = page.goto(path)
        assert answer is not None
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    lines = [
        f"{page.url}: {fault['id']} at {node['target']}"
        for fault in found
        for node in fault["nodes"][:3]
    ]
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    if wide:
        lines.append(f"{page.url}: wider than the window: {page.evaluate(SPILLS)[:3]}")
    return lines
