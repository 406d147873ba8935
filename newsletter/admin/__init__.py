"""The post office's desk: people, what was sent to them, what came back, and what holds mail."""

from newsletter.admin import (
    accounts,
    consents,
    digests,
    events,
    machinery,
    notices,
    streams,
    subscribers,
    suppressions,
)

__all__ = [
    "accounts",
    "consents",
    "digests",
    "events",
    "machinery",
    "notices",
    "streams",
    "subscribers",
    "suppressions",
]
