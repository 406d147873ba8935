"""``manage.py run``: the whole service with one command, seen from outside."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from pytest_django import Settings

from newsletter.conf import sqlite
from newsletter.process import launcher
from tests.conftest import ROOT
from tests.service import Service, environment, manage, running_with
from tests.sink import free_port


@pytest.fixture
def var(tmp_path: Path) -> Path:
    return tmp_path / "var"


def test_first_start_sets_everything_up_and_ctrl_c_ends_it_all(var: Path) -> None:
    with Service(var) as service:
        service.wait_for("/readyz")
        with urllib.request.urlopen(f"{service.url}/readyz", timeout=5) as answer:
            assert json.load(answer)["ready"] is True
        with urllib.request.urlopen(f"{service.url}/", timeout=5) as answer:
            assert b"Get trending papers in your email inbox!" in answer.read()
        second = manage("run", env=service.env | {"PORT": str(free_port())})
        assert second.returncode == 1
        assert f"process {service.process.pid}, {service.url}/" in second.stderr
        assert service.stop(signal.SIGINT, group=True) == 0
    assert "Traceback" not in service.output + second.stderr
    assert "created=84" in service.output
    for page in ("/", "/inbox/", "/admin/"):
        assert f"{service.url}{page}" in service.output
    assert "user admin, password " in service.output
    assert service.left_behind() == []


def test_later_starts_are_quick_and_keep_the_password_to_themselves(var: Path) -> None:
    assert manage("run", "--prepare-only", env=environment(var)).returncode == 0
    begun = time.monotonic()
    with Service(var) as service:
        assert time.monotonic() - begun < 20, "about 2 s on a machine that does nothing else"
        assert service.stop(signal.SIGTERM) == 0
    assert "password " in service.output
    assert "shown only this once" not in service.output
    assert "created=" not in service.output
    assert "Traceback" not in service.output
    assert service.left_behind() == []


@pytest.mark.faults
def test_a_signal_during_preparation_ends_it_quietly(var: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "manage.py", "run"],
        cwd=ROOT,
        env=environment(var, PORT=str(free_port())),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    while not (var / "paperboy.sqlite3.run.lock").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert "Traceback" not in output


def test_an_occupied_port_is_one_clear_sentence(var: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        outcome = manage("run", env=environment(var, PORT=str(port)))
    assert outcome.returncode == 1
    assert outcome.stderr.startswith(f"CommandError: Port {port} on 127.0.0.1 cannot be used")
    assert len(outcome.stderr.splitlines()) == 1


def test_a_second_embedded_worker_on_the_same_database_is_refused(var: Path) -> None:
    with sqlite.hold(var / "paperboy.sqlite3.worker.lock", "process 4711"):
        second = subprocess.run(
            [sys.executable, "-m", "celery", "-A", "newsletter", "worker", "--pool", "threads"],
            cwd=ROOT,
            env=environment(var),
            capture_output=True,
            text=True,
            check=False,
        )
    assert second.returncode == 1
    assert "A worker already runs on this database (process 4711)." in second.stderr


@pytest.mark.parametrize("port", ["eighty", "0", "65536", "-1"])
def test_a_port_that_is_no_port_is_refused(settings: Settings, port: str) -> None:
    settings.PORT = port
    with pytest.raises(launcher.LaunchError, match="write a number from 1 to 65535"):
        launcher.port()


def test_a_folder_that_cannot_be_written_is_refused(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    database = settings.DATABASES["default"] | {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": tmp_path / "file" / "paperboy.sqlite3",
    }
    monkeypatch.setitem(settings.DATABASES, "default", database)
    with pytest.raises(launcher.LaunchError, match="set VAR_DIR to a folder that can"):
        launcher.refuse_second_start()


def test_redis_takes_the_beat_out_of_the_worker(settings: Settings) -> None:
    settings.REDIS_URL = ""
    assert set(launcher.commands()) == {"web", "worker"}
    settings.REDIS_URL = "redis://127.0.0.1/0"
    assert set(launcher.commands()) == {"web", "worker", "beat"}


@pytest.mark.faults
def test_no_part_outlives_a_launcher_that_was_killed(var: Path) -> None:
    with Service(var) as service:
        service.wait_for("/readyz")
        assert len(service.left_behind()) >= 3, "launcher, web server and worker"
        service.stop(signal.SIGKILL)
        deadline = time.monotonic() + 30
        while service.left_behind() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert service.left_behind() == []


@pytest.mark.faults
def test_a_part_that_ends_by_itself_ends_the_service_and_is_named(var: Path) -> None:
    with Service(var) as service:
        service.wait_for("/readyz")
        found = running_with(var)
        worker = next(pid for pid, command in found.items() if " celery " in command)
        os.kill(worker, signal.SIGKILL)
        assert service.process.wait(30) == 137
    assert "The part worker ended (-9)" in service.output
    assert service.left_behind() == []
