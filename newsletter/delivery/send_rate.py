"""Limit the messages a second of one provider over all senders of all machines.

Messages get slots, evenly spaced; the time of the next free slot is a row that is moved by
compare-and-set (the generic cell rate algorithm, ITU-T I.371). No slot is given twice, so the
rate holds for any number of processes and machines.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.utils.timezone import now

from newsletter.models import SendRate

# Slots missed by more than this are lost. Together with the margin it keeps any whole second
# within the limit: (1 s + 20 ms) * 0.97 < 1 s.
LATEST_USE: Final = timedelta(milliseconds=20)
RATE_SHARE: Final = 0.97
# Slots are booked for so long ahead, so that the row is not written for every message.
BOOKED_AHEAD: Final = timedelta(milliseconds=250)
# A slot that is further ahead than so many senders book together was written by a wrong clock.
MOST_SENDERS: Final = 50


class RateLimiter:
    """Give out the slots of ``rate`` messages a second; 0 is no limit.

    The limit belongs to the configured provider, or to ``name``, and is shared by all that use the
    same name.
    """

    def __init__(self, rate: float, name: str = "") -> None:
        self.name = (name or f"mail {settings.EMAIL_BACKEND}")[:64]
        self.spacing = timedelta(seconds=1 / (rate * RATE_SHARE)) if rate else timedelta()
        self.slots: deque[datetime] = deque()
        self.booked = now()
        if rate:
            SendRate.objects.get_or_create(name=self.name)

    def take(self, count: int) -> int:
        """Use up to ``count`` slots whose time has come, and return their number."""
        if not self.spacing or not count:
            return count
        moment = now()
        while self.slots and self.slots[0] < moment - LATEST_USE:
            self.slots.popleft()
        if self.slots and self.slots[0] > self._furthest(moment):
            self.slots.clear()
        if not self.slots:
            self._book(moment)
        taken = 0
        while taken < count and self.slots and self.slots[0] <= moment:
            self.slots.popleft()
            taken += 1
        return taken

    def wait(self) -> float | None:
        """Return the seconds until the next slot; None when there is no limit."""
        if not self.spacing:
            return None
        return max(0.0, (self.slots[0] - now()).total_seconds()) if self.slots else 0.0

    def give_back(self) -> None:
        """Return the unused slots, unless another sender has booked later ones."""
        if self.slots:
            mine = SendRate.objects.filter(name=self.name, next_at=self.booked)
            mine.update(next_at=self.slots[0])
            self.slots.clear()

    def _furthest(self, moment: datetime) -> datetime:
        return moment + MOST_SENDERS * max(self.spacing, BOOKED_AHEAD)

    def _book(self, moment: datetime) -> None:
        count = max(1, BOOKED_AHEAD // self.spacing)
        while True:
            stored = SendRate.objects.values_list("next_at", flat=True).get(name=self.name)
            first = max(stored, moment - LATEST_USE)
            if stored > self._furthest(moment):
                first = moment
            self.booked = first + count * self.spacing
            if SendRate.objects.filter(name=self.name, next_at=stored).update(next_at=self.booked):
                self.slots.extend(first + place * self.spacing for place in range(count))
                return
