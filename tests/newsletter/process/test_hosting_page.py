"""docs/hosting.md tells of the services, queues and commands that exist."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from newsletter.celery import app
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "hosting.md"
TEXT = PAGE.read_text()
BLOCKS = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)]


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return found


def rows(heading: str) -> list[list[str]]:
    """The cells of the table that begins with the heading."""
    table = TEXT[TEXT.index(f"| {heading} |") :].split("\n\n")[0]
    return [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]


def test_every_service_stands_there_with_its_memory_limit(services: dict[str, Any]) -> None:
    told = {row[0].strip("`"): row[2] for row in rows("service")}
    limits = {name: service["mem_limit"] for name, service in services.items()}
    del limits["mailpit"]  # To try things out with.
    assert told == {
        name: limit.replace("g", " GB").replace("m", " MB") for name, limit in limits.items()
    }


def test_every_queue_stands_there() -> None:
    assert {row[0].strip("`") for row in rows("queue")} == {
        queue.name for queue in app.conf.task_queues
    }


def test_the_examples_give_every_queue_to_a_worker_with_the_command_of_compose(
    services: dict[str, Any],
) -> None:
    usual = services["worker"]["command"]
    queues: set[str] = set()
    for block in BLOCKS:
        for service in block["services"].values():
            command, _, named = service["command"].partition(" -Q ")
            assert command == usual
            queues |= set(named.split(",")) - {""}
    assert len(BLOCKS) == 2
    assert queues == {queue.name for queue in app.conf.task_queues}


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)", TEXT)
    assert links
    assert [link for link in links if not (PAGE.parent / link).exists()] == []
