"""Measure how much of a slow provider's rate limit is used, and whether it is kept.

    python -m benchmarks.provider [SUBSCRIBERS]

An Anymail backend (Postmark's) talks to a local stub that takes 200 ms for every call. What is
possible is ``min(limit, connections / 0.2 s)``; printed are the share of it that was used, and the
most messages that the stub saw within any second.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.delivery import contend, environment
from benchmarks.readers import ROOT, settle

SECONDS_PER_CALL: Final = 0.2
# Connections and messages a second (0 = no limit).
CASES: Final = ((10, 0), (10, 20), (4, 0))


@contextmanager
def provider() -> Iterator[str]:
    """Run the stub in a process of its own; yields its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.provider", str(SECONDS_PER_CALL)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def moments(url: str) -> list[float]:
    """Return the times at which the stub accepted its messages."""
    with urllib.request.urlopen(url) as answer:
        return sorted(moment for moment, _ in json.load(answer))


def busiest_second(times: list[float]) -> int:
    """Return the largest number of messages within one second."""
    return max(sum(start <= time < start + 1 for time in times) for start in times)


def run(folder: Path, subscribers: int, connections: int, rate: int) -> None:
    """Send one batch with these limits and print the share of the limit that was used."""
    with provider() as url:
        env = environment(
            folder,
            0,
            EMAIL_URL="",
            EMAIL_BACKEND="anymail.backends.postmark.EmailBackend",
            ANYMAIL_POSTMARK_SERVER_TOKEN="token",
            ANYMAIL_POSTMARK_API_URL=url,
            MAIL_CONNECTIONS=str(connections),
            MAIL_RATE=str(rate or 1000),
        )
        contend("paperboy", subscribers, env)
        # Without the beginning, in which connections are opened one after another.
        times = moments(url)[-subscribers * 3 // 4 :]
    possible = min(rate or 1000, connections / SECONDS_PER_CALL)
    reached = (len(times) - 1) / (times[-1] - times[0])
    print(
        f"connections={connections} limit={rate or 'none'} possible={possible:.0f}/s "
        f"reached={reached:.1f}/s used={reached / possible:.0%} "
        f"busiest_second={busiest_second(times)}"
    )


def main(subscribers: int = 150) -> None:
    """Run every case of connections and rate."""
    with tempfile.TemporaryDirectory(prefix="paperboy-bench-") as name:
        folder = Path(name)
        env = environment(folder, 0)
        settle(folder, subscribers, env)
        contend("assemble", subscribers, env)
        for connections, rate in CASES:
            run(folder, subscribers, connections, rate)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
