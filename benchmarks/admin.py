"""How long does the slowest page of the admin take with half a million digests?

    python -m benchmarks.admin [DIGESTS]

500,000 digests of 50,000 subscribers, as many events of their provider and 100,000 papers are
written first (``benchmarks.crowds``), which takes a few minutes. Then every list, a far page of the
long ones, searches, a row of each list, one person's preview, and /metrics are asked for several
times in one process, and the medians count: CPU, PostgreSQL's included, and wall clock.
DATABASE_URL may name an empty PostgreSQL database; without it a SQLite file is used.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks.readers import python

LARGE: Final = 500_000
SMALL: Final = 5_000
LIMIT_MS: Final = 300


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of the service that is measured."""
    return {
        "PATH": os.environ["PATH"],
        "VAR_DIR": str(folder),
        "DATABASE_URL": os.environ.get("DATABASE_URL")
        or f"sqlite:///{folder / 'paperboy.sqlite3'}",
        "OFFLINE": "true",
        "LOG_LEVEL": "ERROR",
    }


def main(digests: int = SMALL) -> None:
    """Fill a database, ask for every page, and print the times, the slowest first."""
    with tempfile.TemporaryDirectory(prefix="paperboy-bench-") as folder:
        env = environment(Path(folder))
        start = time.monotonic()
        python("manage.py", "migrate", "--verbosity", "0", env=env)
        python("-m", "benchmarks.crowds", str(digests), env=env)
        print(f"{digests} digests and all else written in {time.monotonic() - start:.0f} s")
        report(json.loads(python("-m", "benchmarks.admin_pages", env=env).splitlines()[-1]))


def report(pages: list[tuple[str, float, float, int]]) -> None:
    """Print each page with its milliseconds and queries, and the number that is too slow."""
    print(f"{'':44}{'CPU ms':>8}{'wall ms':>9}{'queries':>9}")
    for name, cpu, wall, queries in sorted(pages, key=lambda page: -page[1]):
        print(f"{name:44}{cpu:>8.0f}{wall:>9.0f}{queries:>9}")
    slow = sum(cpu > LIMIT_MS for _, cpu, _, _ in pages)
    waits = sum(wall > LIMIT_MS for _, _, wall, _ in pages)
    print(f"pages={len(pages)} cpu_over_{LIMIT_MS}_ms={slow} wall_over_{LIMIT_MS}_ms={waits}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else LARGE)
