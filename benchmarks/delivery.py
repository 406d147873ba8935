"""How fast do digests leave, and what does that cost?

    python -m benchmarks.delivery [SUBSCRIBERS]

Everybody wants something else and gets a digest of ten papers, over a local SMTP server that runs
in its own process (Debian's smtp-sink where it is installed, otherwise ``tests.smtpd``). In the
same run: a plain Django loop, one Celery task for each mail, and what ``smtp-source`` reaches when
it sends one of these very digests again and again. The contenders take turns, five times; a figure
is the median of its turns, a ratio the median of the ratios within a turn. The durable intent and
result of every message are kept. DATABASE_URL may name an empty PostgreSQL database, and then the
same is done on a SQLite file, too; without it only the file is used. The server's CPU is that of
all its databases.
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
from statistics import median
from typing import Final

from benchmarks.readers import ROOT, python, settle

TURNS: Final = 5
NAIVE_SHARE: Final = 20  # The slow contenders send a twentieth, at least this many.
NAIVE_LEAST: Final = 100
SOURCE_LEAST: Final = 2000
SESSIONS: Final = (1, 8)

COLUMNS: Final = {
    "rate": ("mails/s", ".0f"),
    "cpu_s_per_1000": ("CPU s/1000", ".2f"),
    "server_cpu_s_per_1000": ("server CPU", ".2f"),
    "peak_mb": ("peak MB", ".0f"),
    "connections": ("connections", ".0f"),
}

# The end of the names of the rows that show SQLite beside the database of DATABASE_URL.
ON_SQLITE: Final = " on SQLite"

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


def environment(folder: Path, port: int, *, database: str = "", **extra: str) -> dict[str, str]:
    """Return the environment of a contender: its database, its mail server, nothing else."""
    database = database or os.environ.get("DATABASE_URL") or sqlite_url(folder)
    named = {name: os.environ[name] for name in ("SENTENCE_VECTORS",) if name in os.environ}
    return {
        "PATH": os.environ["PATH"],
        "VAR_DIR": str(folder),
        "DATABASE_URL": database,
        "EMAIL_URL": f"smtp://127.0.0.1:{port}",
        "LOG_LEVEL": "WARNING",
        "MAIL_CONNECTIONS": os.environ.get("MAIL_CONNECTIONS", "0"),
    } | {**named, **extra}


def sqlite_url(folder: Path) -> str:
    """Return the URL of the SQLite file in a folder."""
    return f"sqlite:///{folder / 'paperboy.sqlite3'}"


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


def environments(folder: Path, port: int) -> dict[str, dict[str, str]]:
    """Return the environments to compare by the end of their rows' names.

    The first, without such an end, is that of DATABASE_URL.
    """
    compared = {"": environment(folder, port)}
    if not compared[""]["DATABASE_URL"].startswith("sqlite"):
        file = folder / "sqlite"
        file.mkdir()
        compared[ON_SQLITE] = environment(file, port, database=sqlite_url(file))
    return compared


def run(subscribers: int) -> dict[str, list[Result]]:
    """Return the turns of every contender."""
    turns: dict[str, list[Result]] = {}
    with tempfile.TemporaryDirectory(prefix="paperboy-bench-") as name, sink() as port:
        folder = Path(name)
        compared = environments(folder, port)
        for env in compared.values():
            settle(Path(env["VAR_DIR"]), subscribers, env)
        for _ in range(TURNS):
            for end, env in compared.items():
                assembled = contend("assemble", subscribers, env)
                turns.setdefault(f"assemble{end}", []).append(assembled)
        message = folder / "message"
        size = python("-m", "benchmarks.senders", "message", str(message), env=compared[""])
        turns["message"] = [json.loads(size)]
        for _ in range(TURNS):
            for contender, result in take_turn(compared, port, message, subscribers):
                turns.setdefault(contender, []).append(result)
    return turns


def take_turn(
    compared: Mapping[str, Mapping[str, str]], port: int, message: Path, subscribers: int
) -> Iterator[tuple[str, Result]]:
    """Let every contender send once, and yield its name and figures."""
    naive = min(subscribers, max(NAIVE_LEAST, subscribers // NAIVE_SHARE))
    for end, env in compared.items():
        yield f"paperboy{end}", contend("paperboy", subscribers, env)
    for contender in ("loop", "tasks"):
        yield contender, contend(contender, naive, compared[""])
    for sessions in SESSIONS if shutil.which("smtp-source") else ():
        limit = source_limit(port, message, max(SOURCE_LEAST, subscribers), sessions)
        yield f"smtp-source {sessions}", limit


def ratio(turns: Mapping[str, list[Result]], one: str, other: str) -> str:
    """Return how many times the rate of another contender one reaches, by the median turn."""
    pairs = zip(turns[one], turns[other], strict=True)
    return f"{median(a['rate'] / b['rate'] for a, b in pairs):.2f}"


def report(turns: dict[str, list[Result]]) -> None:
    """Print the table and the ratios."""
    [size] = turns.pop("message")
    print(f"a digest has {size['mean_bytes']:,.0f} bytes, {size['distinct']:.0%} are unlike others")
    print(f"{'':20}" + "".join(f"{title:>13}" for title, _ in COLUMNS.values()))
    for name, results in turns.items():
        cells = [
            format(median(result[key] for result in results), form) if key in results[0] else ""
            for key, (_, form) in COLUMNS.items()
        ]
        print(f"{name:20}" + "".join(f"{cell:>13}" for cell in cells))
    others = ("tasks", "loop", *(f"smtp-source {sessions}" for sessions in SESSIONS))
    for end in ("", ON_SQLITE):
        for name in others if f"paperboy{end}" in turns else ():
            if name in turns:
                print(f"paperboy{end} against {name}: {ratio(turns, f'paperboy{end}', name)}")
    for name in ("paperboy", "assemble") if f"paperboy{ON_SQLITE}" in turns else ():
        print(f"{name} against {name}{ON_SQLITE}: {ratio(turns, name, name + ON_SQLITE)}")
    if f"smtp-source {SESSIONS[0]}" not in turns:
        print("smtp-source is not installed (Debian's postfix): its limit was not measured.")


def main(subscribers: int = 300) -> None:
    """Run the contenders and print their figures."""
    report(run(subscribers))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
