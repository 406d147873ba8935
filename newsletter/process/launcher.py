"""What ``manage.py run`` does: prepare the database once, then run the parts of the service.

The parts are the web server, the worker and, with Redis, the beat. When one of them ends, or the
operator asks for it, all of them end. Each part reads from a pipe that only the launcher holds
open, so that it also ends when the launcher is killed (``newsletter.process.part``).
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Final

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.timezone import now
from filelock import FileLock

from newsletter.conf import sqlite
from papers.ingest import service as ingest
from papers.ingest.upsert import Counts
from papers.models import Paper
from papers.recommend import embeddings, related
from papers.trending import update

HOST = "127.0.0.1"
SEEDS = settings.BASE_DIR / "seeds"
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# A message that is on its way may finish: cut off, it would be uncertain.
STOP_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.1


class LaunchError(Exception):
    """The service cannot start; the text of the error gives the operator the reason."""


def port() -> int:
    """Return the port from PORT. Raises LaunchError for a value that is no port."""
    if settings.PORT.isdecimal() and 0 < int(settings.PORT) < 65536:
        return int(settings.PORT)
    raise LaunchError(f"PORT is {settings.PORT!r}; write a number from 1 to 65535.")


def refuse_second_start() -> FileLock | None:
    """Lock the SQLite database for this start; return the lock, None where none is needed.

    Raises:
        LaunchError: Another start holds the lock, or its folder cannot be written.
    """
    path = sqlite.database_lock("run")
    if path is None:
        return None
    try:
        return sqlite.hold(path, f"process {os.getpid()}, {settings.SITE_URL}/")
    except sqlite.DatabaseHeldError as held:
        raise LaunchError(
            f"Paperboy already runs on this database ({held.owner}). Stop it first, or set "
            "DATABASE_URL to another database."
        ) from held
    except OSError as error:
        raise LaunchError(
            f"{path} cannot be written ({error.strerror}); set VAR_DIR to a folder that can."
        ) from error


def refuse_occupied_port() -> None:
    """Raise LaunchError when another program listens on the port of the site."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port()))
        except OSError as error:
            raise LaunchError(
                f"Port {port()} on {HOST} cannot be used ({error.strerror}). Choose another: "
                f"make run PORT={port() + 1}"
            ) from error


def collect_static() -> None:
    """Collect the static files, unless the folder is read-only, as in an image that has them."""
    if os.access(settings.STATIC_ROOT, os.W_OK):
        call_command("collectstatic", interactive=False, verbosity=0)


def migrate() -> bool:
    """Apply missing migrations; return whether there were any."""
    executor = MigrationExecutor(connection)
    if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return False
    call_command("migrate", interactive=False, verbosity=0)
    return True


def create_admin() -> str | None:
    """Create the account ``admin`` if there is none and return its new password."""
    users = get_user_model()._default_manager
    if users.filter(is_superuser=True).exists():
        return None
    password = secrets.token_urlsafe(12)
    users.create_superuser("admin", settings.CONTACT_EMAIL, password)
    return password


def read_seeds() -> Counts | None:
    """Import the first papers into an empty catalogue; None if it has papers.

    Raises:
        IngestError: The listing cannot be read.
    """
    if Paper.objects.exists():
        return None
    counts = ingest.read_file(SEEDS / "trending-papers-listing.txt", "listing")
    ingest.read_file(SEEDS / "trending-papers-metadata.jsonl", "jsonl")
    _pick_samples()
    update.score(now())
    embeddings.embed(now())
    related.update(now())
    return counts


def _pick_samples() -> None:
    """Pick the papers of ``seeds/picks.jsonl`` with their notes, as an editor would."""
    for line in (SEEDS / "picks.jsonl").read_text(encoding="utf-8").splitlines():
        pick = json.loads(line)
        Paper.objects.filter(canonical_id=pick["id"]).update(
            picked_at=now(), editor_note=pick["note"]
        )


def part(*arguments: str) -> list[str]:
    """Return a command that runs a Python module as a part of the service."""
    # As root, Celery warns at length; root in a container is a choice.
    quiet = ("-W", "ignore:You're running the worker")
    return [sys.executable, *quiet, "-m", "newsletter.process.part", *arguments]


def commands() -> dict[str, list[str]]:
    """Return the parts of the service and the command of each.

    Without Redis the one worker runs the beat as a thread; with Redis they are separate and may
    be started on other machines too.
    """
    celery = ("celery", "--quiet", "-A", "newsletter")
    worker = (*celery, "worker", "--loglevel", "warning", "--pool", "threads", "--concurrency", "4")
    parts = {
        "web": part("newsletter.process.web_server", "--bind", f"{HOST}:{port()}"),
        "worker": part(*worker, "--without-gossip", "--without-mingle", "--without-heartbeat"),
    }
    if settings.REDIS_URL:
        parts["beat"] = part(*celery, "beat", "--loglevel", "warning")
    return parts


def run_parts() -> int:
    """Start all parts and stay until they have ended; return the exit code of the service.

    It is 0 when the operator stopped it, otherwise that of the part that ended first.
    """
    connection.close()
    asked: list[int] = []
    for number in STOP_SIGNALS:
        signal.signal(number, lambda number, _frame: asked.append(number))
    alive, write_end = os.pipe()
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "PAPERBOY_LAUNCHER": str(alive)}
    parts: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in commands().items():
            parts[name] = subprocess.Popen(  # noqa: S603 - our own commands
                command,
                cwd=settings.BASE_DIR,
                env=environment,
                pass_fds=[alive],
                start_new_session=True,  # Ctrl-C reaches the launcher alone.
            )
        while not asked and all(process.poll() is None for process in parts.values()):
            time.sleep(POLL_SECONDS)
        code = 0 if asked else _first_exit(parts)
    finally:
        _stop(parts)
        os.close(write_end)
    return code


def _first_exit(parts: Mapping[str, subprocess.Popen[bytes]]) -> int:
    """Name the part that ended by itself; return its exit code, 1 in the place of 0."""
    name, process = next(item for item in parts.items() if item[1].poll() is not None)
    code = process.returncode
    sys.stderr.write(f"The part {name} ended ({code}), so the others stop.\n")
    return (code if code > 0 else 128 - code) or 1


def _stop(parts: Mapping[str, subprocess.Popen[bytes]]) -> None:
    """Ask every part to stop, and kill those that still run after ``STOP_SECONDS``."""
    for process in parts.values():
        process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for process in parts.values():
        try:
            process.wait(max(0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
