"""Bounds of processor time that mean the same on a slow machine."""

from __future__ import annotations

import time
from typing import Final

MILLION_SECONDS: Final = 0.026
"""What counting to a million takes on the machine on which the bounds were chosen."""


def within(seconds: float, bound: float) -> bool:
    """Say whether ``seconds`` of processor time are under ``bound``.

    Where they are over, the bound is taken to be that of a machine as slow as this one at this
    moment: it grows with the time of a loop of Python, never below its own value.
    """
    if seconds < bound:
        return True
    started = time.process_time()
    counted = 0
    while counted < 1_000_000:
        counted += 1
    return seconds < bound * (time.process_time() - started) / MILLION_SECONDS
