"""A morning through PgBouncer in transaction mode, whose server connections take turns."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from tests.service import environment, manage
from tests.sink import free_port

pytestmark = pytest.mark.postgres
PROGRAM = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
READERS = 120
FILL = f"""
from datetime import timedelta
from django.utils.timezone import now
from newsletter.models import Subscriber
Subscriber.objects.bulk_create(
    Subscriber(
        email=f"r{{i}}@example.org", email_key=f"r{{i}}@example.org", status="active",
        confirmed_at=now(), next_digest_at=now() - timedelta(minutes=1),
    )
    for i in range({READERS})
)
"""


@pytest.fixture
def pooled() -> Iterator[dict[str, str]]:
    """The environment that leads to a new database by way of PgBouncer."""
    if not PROGRAM:
        pytest.skip("pgbouncer is not installed")
    database = settings.DATABASES["default"]
    port, server_port = free_port(), int(database["PORT"] or 5432)
    name = f"pooled_{port}"
    access = {"host": database["HOST"], "user": database["USER"], "port": server_port}
    access |= {"password": database["PASSWORD"]}
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    words = [f"host={database['HOST']}", f"port={server_port}", f"dbname={name}"]
    words += [f"user={database['USER']}"]
    if database["PASSWORD"]:
        words.append(f"password={database['PASSWORD']}")
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n{name} = {' '.join(words)}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n"
        "default_pool_size = 4\nserver_round_robin = 1\n"
    )
    user = "postgres" if os.geteuid() == 0 else None  # PgBouncer refuses to run as root.
    if user:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    with psycopg.connect(dbname="postgres", autocommit=True, **access) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        bouncer = subprocess.Popen(
            [PROGRAM, "-q", str(folder / "pgbouncer.ini")], user=user, cwd=folder
        )
        try:
            deadline = time.monotonic() + 10
            while socket.socket().connect_ex(("127.0.0.1", port)):
                assert time.monotonic() < deadline, "pgbouncer does not listen"
                time.sleep(0.1)
            url = f"postgres://{database['USER']}@127.0.0.1:{port}/{name}"
            yield environment(folder / "var", DATABASE_URL=url, DATABASE_POOLED="true")
        finally:
            bouncer.terminate()
            bouncer.wait(10)
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
            shutil.rmtree(folder, ignore_errors=True)


def test_everybody_gets_a_digest_through_a_pool_of_transactions(pooled: dict[str, str]) -> None:
    assert manage("run", "--prepare-only", env=pooled).returncode == 0
    filled = manage("shell", "-v", "0", "-c", FILL, env=pooled)
    assert filled.returncode == 0, filled.stderr
    sent = manage("send_digests", env=pooled)
    assert sent.stdout.splitlines()[-1].startswith(f"due={READERS} sent={READERS} failed=0")
    exported = manage("export_subscribers", env=pooled)
    assert exported.stdout.count("@example.org") == READERS
