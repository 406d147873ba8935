"""Fixtures that every room of the house uses."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as real_settings
from pytest_django import Settings

from newsletter import host_clock
from newsletter.digests import run_papers
from tests.faults.provider import Provider, running_provider

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(__file__).resolve().parent / "data"
SEED_LISTING = ROOT / "seeds" / "trending-papers-listing.txt"


@pytest.fixture(autouse=True)
def private_folders(settings: Settings, tmp_path: Path) -> None:
    """Mail written by a test stays in the test's own folder."""
    settings.MAIL_DIR = tmp_path / "mail"


@pytest.fixture(autouse=True)
def agreeing_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let PostgreSQL's clock travel with that of a test, which would else be off by days."""
    monkeypatch.setattr(host_clock, "skew", timedelta)


@pytest.fixture(autouse=True)
def own_catalogue() -> None:
    """No test chooses from the papers of another, whose rows had the same numbers."""
    run_papers.forget()


@pytest.fixture
def provider(settings: Settings) -> Iterator[Provider]:
    """An HTTP provider, in Postmark's words, that the settings point at."""
    with running_provider() as provider:
        settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
        settings.ANYMAIL = {
            "POSTMARK_SERVER_TOKEN": "token",
            "POSTMARK_API_URL": provider.url,
            "REQUESTS_TIMEOUT": 5,
        }
        yield provider


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a service that is not there, and say what would bring it."""
    engine = real_settings.DATABASES["default"]["ENGINE"]
    missing = {
        "postgres": engine.endswith("postgresql") or "needs PostgreSQL: set DATABASE_URL",
        "redis": bool(real_settings.REDIS_URL) or "needs Redis: set REDIS_URL",
        "browser": shutil.which("chromium") is not None or "needs Debian's chromium",
    }
    for item in items:
        for marker, reason in missing.items():
            if isinstance(reason, str) and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say what was not even collected; what was skipped stands in the summary with its reason."""
    left_out = [
        f"{name} (pytest -m {name})"
        for name in ("browser", "faults")
        if f"not {name}" in config.getoption("-m")
    ]
    if left_out:
        terminalreporter.write_line(
            "Left out, because they take a browser, other services and minutes: "
            + ", ".join(left_out)
        )
