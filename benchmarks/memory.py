"""Measure whether the memory of a sender grows with the number of subscribers.

    python -m benchmarks.memory [FEW] [MANY]

The peak of a process that sends a digest of ten papers to each of few, and of many, subscribers.
The papers are a thousand, and everybody gets others. People and digests are written straight into
the tables, so that a hundred thousand are there within a minute.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.delivery import Result, contend, environment, sink
from benchmarks.readers import fill, python


def measure(subscribers: int) -> Result:
    """Return the peak memory in MB and the rate of one sender."""
    with tempfile.TemporaryDirectory(prefix="paperboy-bench-") as name, sink() as port:
        env = environment(Path(name), port)
        fill(Path(name), env)
        python("-m", "benchmarks.senders", "invent", str(subscribers), env=env)
        return contend("paperboy", subscribers, env)


def main(few: int = 300, many: int = 1500) -> None:
    """Print the peak memory for both numbers of subscribers and their ratio."""
    small, large = measure(few), measure(many)
    for count, result in ((few, small), (many, large)):
        print(f"{result['peak_mb']:.0f} MB at the peak while {count:,} digests left", flush=True)
    print(f"{large['peak_mb'] / small['peak_mb']:.2f} times as much for {many / few:.0f} times")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
