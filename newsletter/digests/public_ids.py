"""Public ids of digests, in the order of their time."""

from __future__ import annotations

import secrets
import time
import uuid
from typing import Final

TIME_BITS: Final = 48
RANDOM_BITS: Final = 80
VERSION: Final = (0xF << 76, 0x7 << 76)
VARIANT: Final = (0x3 << 62, 0x2 << 62)


def time_ordered_uuid() -> uuid.UUID:
    """Return a UUID of version 7 (RFC 9562): 48 bits of time, then 74 random ones.

    Rows that are written together are neighbours in its index, however large that has grown.
    """
    milliseconds = (time.time_ns() // 1_000_000) & (1 << TIME_BITS) - 1
    value = milliseconds << RANDOM_BITS | secrets.randbits(RANDOM_BITS)
    for mask, bits in (VERSION, VARIANT):
        value = value & ~mask | bits
    return uuid.UUID(int=value)
