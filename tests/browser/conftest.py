"""A running service and a real browser in front of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, Route, sync_playwright

from tests.service import Service

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The whole service on a fresh database, mail in its folder."""
    var: Path = tmp_path_factory.mktemp("service") / "var"
    with Service(var) as service:
        service.wait_for("/readyz")
        yield service


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, service: Service) -> Iterator[Page]:
    """A page that reaches the service and nothing else; a script error fails the test."""
    context = browser.new_context(base_url=service.url)
    context.set_default_timeout(20_000)
    context.route("**/*", lambda route, request: only_to(service, route, request))
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def only_to(service: Service, route: Route, request: Request) -> None:
    if request.url.startswith(service.url):
        route.continue_()
    else:
        route.abort()
