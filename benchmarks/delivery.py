"""How fast do digests leave, and what does that cost?

    python -m benchmarks.delivery [SUBSCRIBERS]

Everybody wants something else and gets a digest of ten papers, over a local SMTP server that runs
in its own process (Debian's smtp-sink where it is installed, otherwise ``tests.smtpd``). In the
same run: a plain Django loop, one Celery task for each mail, and what ``smtp-source`` reaches when
it sends one of these very digests again and again. The contenders take turns, three times, and of
each its best turn counts. The durable intent and result of every message are kept. DATABASE_URL may
name an empty PostgreSQL database; without it a SQLite file is used.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.readers import ROOT, python, settle

TURNS: Final = 3
NAIVE_SHARE: Final = 20  # The slow contenders send a twentieth, at least this many.
NAIVE_LEAST: Final = 100
SOURCE_LEAST: Final = 2000
SESSIONS: Final = (1, 8)

COLUMNS: Final = {
    "rate": ("mails/s", ".0f"),
    "cpu_s_per_1000": ("CPU s/1000", ".2f"),
    "peak_mb": ("peak MB", ".0f"),
    "connections": ("connections", ".0f"),
}

Result = dict[str, float]


@contextmanager
def sink() -> Iterator[int]:
    """Run an SMTP server in a process of its own; yields its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    command = [sys.executable, "-m", "tests.smtpd", str(port)]
    if shutil.which("smtp-sink"):
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        command = ["smtp-sink", *user, f"127.0.0.1:{port}", "100"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield port
    finally:
        process.kill()
        process.wait()


def wait_for(port: int) -> None:
    """Wait until the port answers."""
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return


def environment(folder: Path, port: int, **extra: str) -> dict[str, str]:
    """Return the environment of a contender: its database, its mail server, nothing else."""
    database = os.environ.get("DATABASE_URL") or f"sqlite:///{folder / 'paperboy.sqlite3'}"
    return {
        "PATH": os.environ["PATH"],
        "VAR_DIR": str(folder),
        "DATABASE_URL": database,
        "EMAIL_URL": f"smtp://127.0.0.1:{port}",
        "LOG_LEVEL": "WARNING",
        "MAIL_CONNECTIONS": os.environ.get("MAIL_CONNECTIONS", "0"),
    } | extra


def contend(name: str, count: int, env: Mapping[str, str]) -> Result:
    """Run one contender in a process of its own and return its figures."""
    result: Result = json.loads(python("-m", "benchmarks.senders", name, str(count), env=env))
    return result


def source_limit(port: int, message: Path, count: int, sessions: int) -> Result:
    """Mails a second of smtp-source, which sends the same message again and again."""
    start = time.perf_counter()
    subprocess.run(
        [
            *("smtp-source", "-d", "-s", str(sessions), "-m", str(count), "-F", str(message)),
            *("-f", "a@example.org", "-t", "b@example.org", f"127.0.0.1:{port}"),
        ],
        check=True,
    )
    return {"rate": count / (time.perf_counter() - start)}


def best(turns: list[Result]) -> Result:
    """Return the turn with the highest rate."""
    return max(turns, key=lambda result: result["rate"])


def run(subscribers: int) -> dict[str, Result]:
    """Return the best turn of every contender."""
    naive = min(subscribers, max(NAIVE_LEAST, subscribers // NAIVE_SHARE))
    with tempfile.TemporaryDirectory(prefix="paperboy-bench-") as name, sink() as port:
        folder = Path(name)
        env = environment(folder, port)
        settle(folder, subscribers, env)
        turns: dict[str, list[Result]] = {"assemble": [contend("assemble", subscribers, env)]}
        message = folder / "message"
        size = json.loads(python("-m", "benchmarks.senders", "message", str(message), env=env))
        turns["message"] = [{"rate": 0, **size}]
        for _ in range(TURNS):
            for contender, count in (("paperboy", subscribers), ("loop", naive), ("tasks", naive)):
                turns.setdefault(contender, []).append(contend(contender, count, env))
            for sessions in SESSIONS if shutil.which("smtp-source") else ():
                limit = source_limit(port, message, max(SOURCE_LEAST, subscribers), sessions)
                turns.setdefault(f"smtp-source {sessions}", []).append(limit)
    return {contender: best(results) for contender, results in turns.items()}


def report(results: dict[str, Result]) -> None:
    """Print the table and the ratios."""
    size = results.pop("message")
    print(f"a digest has {size['mean_bytes']:,.0f} bytes, {size['distinct']:.0%} are unlike others")
    print(f"{'':14}" + "".join(f"{title:>13}" for title, _ in COLUMNS.values()))
    for name, result in results.items():
        cells = [
            format(result[key], form) if key in result else "" for key, (_, form) in COLUMNS.items()
        ]
        print(f"{name:14}" + "".join(f"{cell:>13}" for cell in cells))
    ours = results["paperboy"]["rate"]
    for name in ("tasks", "loop", *(f"smtp-source {sessions}" for sessions in SESSIONS)):
        if name in results:
            print(f"paperboy against {name}: {ours / results[name]['rate']:.2f}")
    if f"smtp-source {SESSIONS[0]}" not in results:
        print("smtp-source is not installed (Debian's postfix): its limit was not measured.")


def main(subscribers: int = 1000) -> None:
    """Run the contenders and print their figures."""
    report(run(subscribers))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
