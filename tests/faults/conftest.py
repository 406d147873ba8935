"""The databases of the fault tests, and the table of figures at the end of the run."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from tests import smtpd
from tests.conftest import ROOT
from tests.faults import postgres
from tests.faults.postgres import Cluster

FULL = os.environ.get("FAULTS") == "full"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.faults)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    found = postgres.programs()
    if found is None:
        pytest.skip("needs PostgreSQL's initdb: install Debian's postgresql")
    with postgres.running_cluster(found) as running:
        yield running


_names = (f"faults_{number}" for number in itertools.count(1))


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Empty for a SQLite file in the world's own folder."""
    if request.param == "sqlite":
        return ""
    owner: Cluster = request.getfixturevalue("cluster")
    return owner.database(next(_names))


def point_mail_at(server: smtpd.Server, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "newsletter.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_TIMEOUT = 1


@pytest.fixture
def server(settings: Settings) -> Iterator[smtpd.Server]:
    """A mail server that the settings of this process name."""
    with smtpd.running() as server:
        point_mail_at(server, settings)
        yield server


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Call it with what was measured; it ends in the table and in the JSON file."""

    def note(**measured: Any) -> None:
        for name, value in measured.items():
            record_property(name, value)

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    rows = [
        {
            "test": report.nodeid.rpartition("::")[2],
            "outcome": outcome,
            **dict(report.user_properties),
        }
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        if report.user_properties
    ]
    if not rows:
        return
    path = ROOT / "var" / "faults.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(rows, indent=1))
    terminalreporter.section(f"figures, also in {path.relative_to(ROOT)}")
    for row in rows:
        words = (f"{name}={value}" for name, value in row.items() if name != "test")
        terminalreporter.write_line(f"{row['test']}: {' '.join(words)}")
