"""How many messages may leave now: one rate for a provider, shared by every sender everywhere.

Messages get slots, evenly spaced; the time of the next free slot is a row that is moved by
compare-and-set (the generic cell rate algorithm, ITU-T I.371). No slot is given twice, so the
rate holds for any number of processes and machines.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.utils.timezone import now

from papers.models import Turn

# A little below the limit, so that a provider whose clock ticks differently agrees.
MARGIN: Final = 0.97
# Slots missed within this time may be made up for.
CREDIT: Final = timedelta(milliseconds=20)


class Pace:
    """The pace of the configured provider at ``rate`` messages a second; 0 is no limit."""

    def __init__(self, rate: float) -> None:
        self.name = f"mail {settings.EMAIL_BACKEND}"[:64]
        self.spacing = timedelta(seconds=1 / (rate * MARGIN)) if rate else timedelta()
        self.next_at: datetime | None = None
        if rate:
            Turn.objects.get_or_create(name=self.name)

    def take(self, count: int) -> int:
        """Book up to ``count`` slots that are due; how many there were."""
        if not self.spacing or not count:
            return count
        while True:
            stored = Turn.objects.values_list("next_at", flat=True).get(name=self.name)
            moment = now()
            first = max(stored, moment - CREDIT)
            due = (moment - first) // self.spacing + 1 if first <= moment else 0
            taken = min(count, due)
            self.next_at = first + taken * self.spacing
            if not taken or Turn.objects.filter(name=self.name, next_at=stored).update(
                next_at=self.next_at
            ):
                return taken

    def wait(self) -> float | None:
        """Seconds until another slot may be free; None when there is nothing to wait for."""
        if self.next_at is None:
            return None
        return max(0.0, (self.next_at - now()).total_seconds())
