"""The databases of the fault tests, and the table of figures at the end of the run."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from tests import smtpd
from tests.conftest import ROOT
from tests.faults import postgres
from tests.faults.postgres import Cluster
from tests.faults.world import install

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


@pytest.fixture
def sqlite_url(tmp_path: Path, installed: Path) -> str:
    """An installed database, as a SQLite file of the test's own."""
    return f"sqlite:///{shutil.copy(installed, tmp_path / 'paperboy.sqlite3')}"


@pytest.fixture
def postgres_url(cluster: Cluster, installed_there: str) -> str:
    """An installed database of the test's own in the cluster."""
    return cluster.database(next(_names), installed_there)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An installed database of each kind."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(name))


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with tables and papers, to be copied: installing takes seconds."""
    folder = tmp_path_factory.mktemp("installed")
    path = folder / "paperboy.sqlite3"
    install(folder, f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def installed_there(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same in PostgreSQL: the name of a database to be copied."""
    install(tmp_path_factory.mktemp("installed_there"), cluster.database("installed"))
    return "installed"


def point_mail_at(server: smtpd.Server, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "newsletter.mail.backends.smtp.EmailBackend"
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


# What most of the tests measure, in the order of the table; anything else follows in words.
COLUMNS = ("digests", "kills", "duplicates", "lost", "uncertain", "sent", "settled_s")


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
    for line in table(rows):
        terminalreporter.write_line(line)


def table(rows: list[dict[str, Any]]) -> Iterator[str]:
    """The figures as lines of text, one for each test, in columns."""
    shown = ("test", *COLUMNS)
    names = {"test": "test", **{column: column for column in COLUMNS}}
    cells = [{name: str(row.get(name, "")) for name in shown} for row in (names, *rows)]
    widths = {name: max(len(line[name]) for line in cells) for name in shown}
    for row, line in zip([{}, *rows], cells, strict=True):
        others = (f"{name}={row[name]}" for name in row if name not in {*shown, "outcome"})
        columns = (line[name].rjust(widths[name]) for name in COLUMNS)
        failed = "FAILED " if row.get("outcome") == "failed" else ""
        yield " ".join([line["test"].ljust(widths["test"]), *columns, failed, *others]).rstrip()
