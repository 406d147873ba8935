"""The port of the running service, as commands in another terminal find it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from newsletter.conf import running
from tests.conftest import ROOT


def test_the_port_of_a_running_process_is_found(tmp_path: Path) -> None:
    running.note_port(tmp_path, "8123")
    assert running.noted_port(tmp_path) == "8123"


@pytest.mark.parametrize("written", ["", "8123", "8123 word", "word {pid}", "8123 999999999999"])
def test_what_is_no_port_of_a_running_process_counts_as_none(tmp_path: Path, written: str) -> None:
    (tmp_path / running.FILE).write_text(written.format(pid=os.getpid()))
    assert running.noted_port(tmp_path) == ""
    assert running.noted_port(tmp_path / "nowhere") == ""


def test_the_port_of_an_ended_process_counts_as_none(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    (tmp_path / running.FILE).write_text(f"8123 {ended.stdout.decode().strip()}")
    assert running.noted_port(tmp_path) == ""


@pytest.mark.parametrize(("own", "port"), [({}, "8123"), ({"PORT": "9000"}, "9000")])
def test_a_command_beside_the_service_uses_its_port(
    tmp_path: Path, own: dict[str, str], port: str
) -> None:
    running.note_port(tmp_path, "8123")
    code = "from newsletter import settings; print(settings.SITE_URL)"
    env = {"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path)} | own
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, check=True
    )
    assert done.stdout.decode().strip() == f"http://127.0.0.1:{port}"
