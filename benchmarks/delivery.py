"""How fast do digests leave, and what does that cost?

    python -m benchmarks.delivery [SUBSCRIBERS]

Everybody gets a digest of ten papers over a local SMTP server that runs in its own process
(Debian's smtp-sink where it is installed, otherwise ``tests.smtpd``). In the same run: a plain
Django loop, one Celery task for each mail, and what ``smtp-source`` reaches with a message of the
same size. The durable intent and result of every message are kept. DATABASE_URL may name an empty
PostgreSQL database; without it a SQLite file is used.
"""

from __future__ import annotations

import csv
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

ROOT: Final = Path(__file__).resolve().parent.parent
LISTING: Final = ROOT / "seeds" / "trending-papers-listing.txt"
INTERESTS: Final = (
    "quantization of language models",
    "vision transformer segmentation",
    "in-context learning theory",
    "protein design",
    "robot manipulation; diffusion policy",
)
NAIVE_SHARE: Final = 10  # The slow contenders send a tenth, at least this many.
NAIVE_LEAST: Final = 200
MESSAGE_BYTES: Final = 37_000

Result = dict[str, float]


def python(*arguments: str, env: Mapping[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


@contextmanager
def sink() -> Iterator[int]:
    """An SMTP server in a process of its own; yields its port."""
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
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return


def environment(folder: Path, port: int, **extra: str) -> dict[str, str]:
    database = os.environ.get("DATABASE_URL") or f"sqlite:///{folder / 'paperboy.sqlite3'}"
    return {
        "PATH": os.environ["PATH"],
        "VAR_DIR": str(folder),
        "DATABASE_URL": database,
        "EMAIL_URL": f"smtp://127.0.0.1:{port}",
        "LOG_LEVEL": "WARNING",
        "MAIL_CONNECTIONS": os.environ.get("MAIL_CONNECTIONS", "8"),
    } | extra


def set_up(folder: Path, subscribers: int, env: Mapping[str, str]) -> None:
    """Papers and confirmed people through the operator's doors, and everybody due."""
    python("manage.py", "migrate", "--verbosity", "0", env=env)
    python("manage.py", "ingest", "--file", str(LISTING), "--format", "listing", env=env)
    python("manage.py", "score", env=env)
    people = folder / "people.csv"
    with people.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["email", "confirmed_at", "consent_source", "interests", "size"])
        for number in range(subscribers):
            wish = INTERESTS[number % len(INTERESTS)]
            rows.writerow([f"reader{number}@example.org", "2026-01-05T08:00Z", "list", wish, 10])
    python("manage.py", "import_subscribers", str(people), env=env)
    update = "from newsletter.models import Subscriber as S; from django.utils.timezone import now"
    python("manage.py", "shell", "-c", f"{update}; S.objects.update(next_digest_at=now())", env=env)


def contend(name: str, count: int, env: Mapping[str, str]) -> Result:
    result: Result = json.loads(python("-m", "benchmarks.senders", name, str(count), env=env))
    return result


def source_limit(port: int, count: int, sessions: int) -> Result | None:
    """Mails a second of smtp-source, which sends the same bytes again and again."""
    program = shutil.which("smtp-source")
    if program is None:
        return None
    start = time.perf_counter()
    subprocess.run(
        [
            *(program, "-d", "-s", str(sessions), "-m", str(count), "-l", str(MESSAGE_BYTES)),
            *("-f", "a@example.org", "-t", "b@example.org", f"127.0.0.1:{port}"),
        ],
        check=True,
    )
    return {"rate": count / (time.perf_counter() - start)}


def run(subscribers: int) -> dict[str, Result]:
    """The results of every contender."""
    naive = min(subscribers, max(NAIVE_LEAST, subscribers // NAIVE_SHARE))
    with tempfile.TemporaryDirectory(prefix="paperboy-bench-") as name, sink() as port:
        folder = Path(name)
        env = environment(folder, port)
        set_up(folder, subscribers, env)
        results = {"assemble": contend("assemble", subscribers, env)}
        results["paperboy"] = contend("paperboy", subscribers, env)
        results["loop"] = contend("loop", naive, env)
        results["tasks"] = contend("tasks", naive, env)
        for sessions in (1, 8):
            limit = source_limit(port, max(2000, subscribers), sessions)
            if limit is not None:
                results[f"smtp-source {sessions}"] = limit
    return results


def report(results: Mapping[str, Result]) -> None:
    print(f"{'':14}{'mails/s':>9}{'CPU s/1000':>12}{'peak MB':>9}")
    for name, result in results.items():
        cpu, peak = result.get("cpu_s_per_1000"), result.get("peak_mb")
        print(
            f"{name:14}{result['rate']:9.0f}{'' if cpu is None else f'{cpu:.2f}':>12}"
            f"{'' if peak is None else f'{peak:.0f}':>9}"
        )
    ours = results["paperboy"]["rate"]
    for name in ("tasks", "loop", "smtp-source 1", "smtp-source 8"):
        if name in results:
            print(f"paperboy against {name}: {ours / results[name]['rate']:.2f}")
    if "smtp-source 1" not in results:
        print("smtp-source is not installed (Debian's postfix): its limit was not measured.")


def main(subscribers: int = 1000) -> None:
    report(run(subscribers))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
