"""The databases of the fault tests, and the table of figures at the end of the run."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.faults import postgres
from tests.faults.postgres import Cluster

FIGURES = pytest.StashKey[list[dict[str, Any]]]()
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


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Call it with what was measured; it ends in the table and in the JSON file."""
    rows = request.config.stash.setdefault(FIGURES, [])

    def note(**measured: Any) -> None:
        rows.append({"test": request.node.name, **measured})

    return note


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    rows = config.stash.get(FIGURES, [])
    if not rows:
        return
    path = ROOT / "var" / "faults.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(rows, indent=1))
    terminalreporter.section(f"figures, also in {path.relative_to(ROOT)}")
    for row in rows:
        words = (f"{name}={value}" for name, value in row.items() if name != "test")
        terminalreporter.write_line(f"{row['test']}: {' '.join(words)}")
