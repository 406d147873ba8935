"""``.env.example`` and ``docker-compose.yml`` name the very variables that the settings read."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from newsletter.conf import env
from tests.conftest import ROOT

EXAMPLE = ROOT / ".env.example"
READERS = {
    *("text", "flag", "number", "words", "networks", "url", "folder", "log_level", "choice"),
    *("database", "redis", "email", "mailbox", "webhook_secret", "local_server"),
}


def variables_read(path: Path) -> set[str]:
    """The names given to the readers of newsletter.conf.env, literally."""
    calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    return {
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "env"
        and call.func.attr in READERS
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    }


def variables_of_the_example() -> set[str]:
    return set(re.findall(r"^#?([A-Z][A-Z_]+)=", EXAMPLE.read_text(), re.MULTILINE))


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return document


def test_the_example_names_every_variable_that_the_settings_read() -> None:
    sources = [*ROOT.glob("newsletter/**/*.py"), *ROOT.glob("papers/**/*.py")]
    read = set[str]().union(*map(variables_read, sources))
    example = {name for name in variables_of_the_example() if not name.startswith("ANYMAIL_")}
    assert read == example - {"POSTGRES_PASSWORD", "PAPERBOY_VERSION", "SITE_ADDRESS"}


def test_a_plain_copy_of_the_example_changes_nothing() -> None:
    lines = EXAMPLE.read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []


def test_anymail_settings_keep_their_own_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANYMAIL_POSTMARK_SERVER_TOKEN", " token ")
    assert env.prefixed("ANYMAIL_")["POSTMARK_SERVER_TOKEN"] == "token"


def test_compose_sets_and_asks_for_documented_variables_only(compose: dict[str, Any]) -> None:
    ours = [service for service in compose["services"].values() if "build" in service]
    assert len(ours) == 4
    named = {name for service in ours for name in service["environment"]}
    asked = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    assert named | asked <= variables_of_the_example()


def test_compose_waits_for_the_tables_and_keeps_what_redis_holds(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name in ("web", "worker", "beat"):
        condition = services[name]["depends_on"]["migrate"]["condition"]
        assert condition == "service_completed_successfully"
    redis = services["redis"]["command"]
    assert "--appendfsync everysec" in redis
    assert "--maxmemory-policy noeviction" in redis
    assert services["mailpit"]["profiles"] == ["dev"]


def test_every_volume_and_dependency_in_compose_exists(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in compose["volumes"] or (ROOT / source).is_file()


def test_every_service_in_compose_is_watched_bounded_and_forgets_old_logs(
    compose: dict[str, Any],
) -> None:
    for name, service in compose["services"].items():
        assert "mem_limit" in service, name
        assert service["logging"]["options"]["max-size"] == "10m", name
        inherited = "build" in service and name == "web"  # The image has a check of its own.
        assert inherited or "healthcheck" in service, name
        assert not service.get("image", "").endswith(":latest"), name


def test_the_image_runs_as_nobody_special_and_watches_its_health() -> None:
    final = (ROOT / "Dockerfile").read_text().rpartition("\nFROM ")[2]
    assert re.search(r"^USER (?!root)\w+$", final, re.MULTILINE)
    assert "HEALTHCHECK" in final
