"""What ``manage.py run`` does: prepare the database once, then run the parts of the service.

A process manager (honcho) owns the web server, the worker and, with Redis, the beat; when one
of them ends, or the operator asks for it, all of them end.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import secrets
import shlex
import signal
import socket
import sys
import threading
import time
from typing import Any

import honcho.manager
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.timezone import now
from honcho.compat import ProcessManager
from honcho.process import Process

from newsletter.conf import sqlite
from papers.ingest import service as ingest
from papers.ingest.upsert import Counts
from papers.models import Paper
from papers.trending import update

HOST = "127.0.0.1"
SEEDS = settings.BASE_DIR / "seeds" / "trending-papers-listing.txt"
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# A digest that is just leaving may finish: cut off, it would need a person to settle it.
honcho.manager.KILL_WAIT = 60


class LaunchError(Exception):
    """Why the service cannot start, in a sentence for the operator."""


def port() -> int:
    """The port from PORT. Raises LaunchError for a value that is no port."""
    if settings.PORT.isdecimal() and 0 < int(settings.PORT) < 65536:
        return int(settings.PORT)
    raise LaunchError(f"PORT is {settings.PORT!r}; write a number from 1 to 65535.")


def refuse_second_start() -> object:
    """Hold the database for this start.

    Raises LaunchError naming the one that runs already, or the folder that cannot be written.
    """
    path = sqlite.database_lock("run")
    if path is None:
        return None
    try:
        return sqlite.hold(path, f"process {os.getpid()}, {settings.SITE_URL}/")
    except sqlite.HeldError as held:
        raise LaunchError(
            f"Paperboy already runs on this database ({held.owner}). Stop it first, or set "
            "DATABASE_URL to another database."
        ) from held
    except OSError as error:
        raise LaunchError(
            f"{path} cannot be written ({error.strerror}); set VAR_DIR to a folder that can."
        ) from error


def refuse_occupied_port() -> None:
    """Raises LaunchError when another program listens where the site is to be."""
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
    """Gather the static files, unless an image that brings its own keeps the folder shut."""
    if os.access(settings.STATIC_ROOT, os.W_OK):
        call_command("collectstatic", interactive=False, verbosity=0)


def migrate() -> bool:
    """Bring the tables up to date; says whether anything had to be done."""
    executor = MigrationExecutor(connection)
    if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return False
    call_command("migrate", interactive=False, verbosity=0)
    return True


def create_admin() -> str | None:
    """Create the account ``admin`` if there is none; its password, this one time."""
    users = get_user_model()._default_manager
    if users.filter(is_superuser=True).exists():
        return None
    password = secrets.token_urlsafe(12)
    users.create_superuser("admin", settings.CONTACT_EMAIL, password)
    return password


def read_seeds() -> Counts | None:
    """Give an empty catalogue its first papers and score them; None when it is not empty.

    Raises IngestError when the listing cannot be read.
    """
    if Paper.objects.exists():
        return None
    counts = ingest.read_file(SEEDS, "listing")
    update.score(now())
    return counts


def python(*arguments: str) -> str:
    """A shell command that becomes this Python with these arguments."""
    return "exec " + shlex.join([sys.executable, *arguments])


def processes() -> dict[str, str]:
    """The parts of the service and the command of each.

    Without Redis the one worker also holds the beat; with it they are separate and may be
    started on other machines too.
    """
    # As root, Celery warns at length; whoever starts a container on purpose knows.
    calm = ("-W", "ignore:You're running the worker")
    celery = (*calm, "-m", "celery", "--quiet", "-A", "newsletter")
    worker = (*celery, "worker", "--loglevel", "warning")
    parts = {
        "web": python(
            *("-m", "gunicorn", "newsletter.wsgi", "--bind", f"{HOST}:{port()}"),
            *("--worker-class", "gthread", "--threads", "8", "--graceful-timeout", "5"),
            *("--no-control-socket", "--log-level", "warning"),
        )
    }
    silent = ("--without-gossip", "--without-mingle", "--without-heartbeat")
    parts["worker"] = python(*worker, "--pool", "threads", "--concurrency", "4", *silent)
    if settings.REDIS_URL:
        parts["beat"] = python(*celery, "beat", "--loglevel", "warning")
    return parts


class Signals(ProcessManager):  # type: ignore[misc]
    """Ask the part itself to stop, not its children: it knows how to end them in order."""

    def terminate(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


class Part(Process):  # type: ignore[misc]
    """One part; its keeper stops it when the manager is gone without having said so."""

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        threading.Thread(target=self.watch, args=(os.getppid(),), daemon=True).start()
        super().run(events, ignore_signals)

    def watch(self, manager: int) -> None:
        while os.getppid() == manager:
            time.sleep(1)
        Signals().terminate(self._child.pid)


class Parts(honcho.manager.Manager):  # type: ignore[misc]
    """honcho's manager, safe against a signal that comes while the parts are still starting."""

    def __init__(self) -> None:
        super().__init__()
        self._procmgr = Signals()
        self._process_ctor = Part
        self.stopping = False
        environment = os.environ | {"PYTHONUNBUFFERED": "1"}
        for name, command in processes().items():
            self.add_process(name, command, env=environment, cwd=settings.BASE_DIR)

    def terminate(self) -> None:
        self.stopping = True
        if self._all_started():
            super().terminate()

    def _any_stopped(self) -> bool:
        return self.stopping or bool(super()._any_stopped())

    def _system_print(self, data: str) -> None:
        """Written past Python's buffer, which a signal handler must not enter."""
        with contextlib.suppress(OSError):
            os.write(sys.stdout.fileno(), data.encode())


def run_parts() -> int:
    """Start all parts and stay until they have ended; the exit code of the service.

    0 when the operator stopped it, otherwise that of the part that ended first.
    """
    multiprocessing.set_start_method("fork", force=True)
    connection.close()
    parts = Parts()
    asked = False

    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    try:
        parts.loop()
        asked = parts.returncode in {130, 143}
    finally:
        parts.terminate()
    return 0 if asked else parts.returncode or 1
