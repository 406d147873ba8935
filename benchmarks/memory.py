"""Does the memory of a sender grow with the number of subscribers?

    python -m benchmarks.memory [FEW] [MANY]

The peak of a process that assembles, and of one that sends, for few and for many subscribers.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.delivery import contend, environment, sink
from benchmarks.readers import settle


def peaks(subscribers: int) -> tuple[float, float]:
    """Peak MB while assembling and while sending."""
    with tempfile.TemporaryDirectory(prefix="paperboy-bench-") as name, sink() as port:
        env = environment(Path(name), port)
        settle(Path(name), subscribers, env)
        assembling = contend("assemble", subscribers, env)["peak_mb"]
        return assembling, contend("paperboy", subscribers, env)["peak_mb"]


def main(few: int = 500, many: int = 3000) -> None:
    small, large = peaks(few), peaks(many)
    for what, before, after in zip(("assembling", "sending"), small, large, strict=True):
        print(
            f"{what}: {before:.0f} MB for {few}, {after:.0f} MB for {many} subscribers: "
            f"{after / before:.2f} times"
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
