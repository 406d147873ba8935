"""The alert rules and the dashboard in docs/monitoring ask for what /metrics exposes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from django.test import Client
from django.utils.timezone import now
from prometheus_client.parser import text_string_to_metric_families

from newsletter.models import Heartbeat
from newsletter.process import daily
from papers.models import Source
from tests.conftest import ROOT

FOLDER = ROOT / "docs" / "monitoring"
SELECTOR = re.compile(r"\b(paperboy_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
GROUPED = re.compile(r"\bby \(([^)]*)\)")


def expressions(value: Any) -> Iterator[str]:
    """Every text under a key ``expr``, however deep."""
    if isinstance(value, list):
        for one in value:
            yield from expressions(one)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key == "expr":
                yield inner
            yield from expressions(inner)


RULES = yaml.safe_load((FOLDER / "alerts.yml").read_text())
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())
ASKED = sorted({*expressions(RULES), *expressions(DASHBOARD)})


@pytest.fixture
def exposed(client: Client, db: None) -> dict[str, list[dict[str, str]]]:
    """The labels of every sample by its name, of a service of which each part has reported."""
    for name in ("beat", "worker", "worker celery@a"):
        Heartbeat.objects.create(name=name)
    Source.objects.create(name="arxiv", kind="arxiv-rss", last_success_at=now())
    daily.count_days(now())
    client.get("/healthz")
    samples: dict[str, list[dict[str, str]]] = {}
    for family in text_string_to_metric_families(client.get("/metrics").content.decode()):
        for sample in family.samples:
            samples.setdefault(sample.name, []).append(sample.labels)
    return samples


def is_met(labels: dict[str, str], label: str, operator: str, value: str) -> bool:
    """Whether a sample has the label, and for ``=`` the value."""
    return label in labels and (operator != "=" or labels[label] == value)


def test_the_files_ask_for_something() -> None:
    assert len(list(expressions(RULES))) >= 10
    assert len(list(expressions(DASHBOARD))) >= 15


@pytest.mark.parametrize("expression", ASKED)
def test_every_metric_label_and_value_asked_for_is_exposed(
    exposed: dict[str, list[dict[str, str]]], expression: str
) -> None:
    selectors = SELECTOR.findall(expression)
    assert selectors
    grouped = {
        label.strip() for labels in GROUPED.findall(expression) for label in labels.split(",")
    }
    for name, matchers in selectors:
        assert name in exposed
        conditions = MATCHER.findall(matchers)
        found = [one for one in exposed[name] if all(is_met(one, *each) for each in conditions)]
        assert found, f"no {name} has {matchers}"
        assert grouped - {""} <= set(found[0])


def test_every_metric_of_the_service_is_on_the_dashboard(
    exposed: dict[str, list[dict[str, str]]],
) -> None:
    shown = {name for one in expressions(DASHBOARD) for name, _ in SELECTOR.findall(one)}
    created = {name for name in exposed if name.endswith("_created")}
    assert {name for name in exposed if name.startswith("paperboy_")} - created <= shown


def test_every_rule_says_how_grave_it_is_and_what_to_do() -> None:
    rules = [rule for group in RULES["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert set(rule["annotations"]) == {"summary", "action"}


def test_the_panels_of_the_dashboard_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        rows, columns = range(place["y"], place["y"] + place["h"]), range(place["w"])
        cells = {(place["x"] + column, row) for row in rows for column in columns}
        assert not cells & taken, panel["title"]
        assert max(column for column, _ in cells) < 24
        taken |= cells


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool comes with Prometheus")
def test_promtool_bears_the_rules_out() -> None:
    case = ROOT / "tests" / "data" / "alerts.promtool.yml"
    subprocess.run(["promtool", "check", "rules", FOLDER / "alerts.yml"], check=True)
    subprocess.run(["promtool", "test", "rules", case], check=True)
