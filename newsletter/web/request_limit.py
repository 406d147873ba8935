"""Limits for reading, counted in the memory of one process: reading must not write the database.

Every web process counts for itself, so that the limit of a site is the number of its processes
times the limit given here. Limits of what changes anything are in ``newsletter.security.throttle``.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from threading import Lock
from typing import Final

WINDOW_SECONDS: Final = 60.0
MAX_CLIENTS: Final = 50_000

_counts: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()
_lock = Lock()


def limited(name: str, client: str, per_minute: int) -> bool:
    """Count one request of a client; return whether it is above ``per_minute``."""
    moment = time.monotonic()
    key = (name, client)
    with _lock:
        start, count = _counts.pop(key, (moment, 0))
        if moment - start >= WINDOW_SECONDS:
            start, count = moment, 0
        _counts[key] = (start, count + 1)
        while len(_counts) > MAX_CLIENTS:
            _counts.popitem(last=False)
    return count >= per_minute


def forget_all() -> None:
    """Start counting anew."""
    with _lock:
        _counts.clear()
