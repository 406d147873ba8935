"""Anymail's payload for providers that keep no metadata of a message, which Anymail refuses.

Their events are matched by the provider's own id of the message, so that a digest whose answer was
lost stays uncertain.
"""

from __future__ import annotations

from typing import Any


class PayloadWithoutMetadata:
    """Mix-in for an Anymail payload: leave the metadata out."""

    def set_metadata(self, metadata: dict[str, Any]) -> None:
        """Ignore the metadata, for which the provider has no field."""
