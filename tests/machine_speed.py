"""Bounds of processor time that mean the same on a slow or busy machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

MILLION_SECONDS: Final = 0.026
"""What counting to a million takes on the machine on which the bounds were chosen."""
TRIES: Final = 3


def within(bound: float, run: Callable[[], Any]) -> bool:
    """Say whether ``run`` takes less than ``bound`` seconds of processor time.

    Where it takes more, the bound grows with the time that this machine needs to count to a
    million, just before and just after; on a machine whose speed varies the best of three counts.
    """
    for _ in range(TRIES):
        before = _counting()
        started = time.process_time()
        run()
        taken = time.process_time() - started
        if taken < bound * max(1.0, (before + _counting()) / 2 / MILLION_SECONDS):
            return True
    return False


def _counting() -> float:
    started = time.process_time()
    counted = 0
    while counted < 1_000_000:
        counted += 1
    return time.process_time() - started
