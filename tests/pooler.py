"""A PgBouncer of the test's own, in transaction mode: server connections take turns."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.sink import free_port

PROGRAM: Final = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
START_SECONDS: Final = 10


class Pooler:
    """Leads to one database, by so few connections that clients share them."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.user = "postgres" if os.geteuid() == 0 else None  # It refuses to run as root.
        (folder / "pgbouncer.ini").write_text(
            f"[databases]\n{database}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {self.port}\nunix_socket_dir =\nauth_type = any\n"
            "pool_mode = transaction\ndefault_pool_size = 4\nserver_round_robin = 1\n"
        )
        if self.user:
            os.chown(folder, pwd.getpwnam(self.user).pw_uid, -1)

    def start(self) -> None:
        self.process = subprocess.Popen(
            [str(PROGRAM), "-q", str(self.folder / "pgbouncer.ini")],
            user=self.user,
            cwd=self.folder,
        )
        deadline = time.monotonic() + START_SECONDS
        while socket.socket().connect_ex(("127.0.0.1", self.port)):
            assert time.monotonic() < deadline, "pgbouncer does not listen"
            time.sleep(0.1)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(10)


@contextmanager
def running_pooler(name: str, host: str, port: int, user: str, password: str) -> Iterator[Pooler]:
    words = [f"host={host}", f"port={port}", f"dbname={name}", f"user={user}"]
    if password:
        words.append(f"password={password}")
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    pooler = Pooler(folder, f"{name} = {' '.join(words)}")
    pooler.start()
    try:
        yield pooler
    finally:
        pooler.stop()
        shutil.rmtree(folder, ignore_errors=True)
