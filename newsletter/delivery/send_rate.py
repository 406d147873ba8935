"""How many messages may leave now: one rate for a provider, shared by every sender everywhere.

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

# Slots missed by more than this are gone. Together with the margin it keeps any whole second
# within the limit: (1 s + 20 ms) * 0.97 < 1 s.
CREDIT: Final = timedelta(milliseconds=20)
MARGIN: Final = 0.97
# Slots are booked for so long ahead, so that the row is not written for every message.
BOOKED: Final = timedelta(milliseconds=250)
# What lies further ahead than so many senders book together comes from a clock that was wrong.
SENDERS: Final = 50


class Pace:
    """The pace of the configured provider at ``rate`` messages a second; 0 is no limit.

    With a ``name`` it is a pace of its own, shared by all who call it that.
    """

    def __init__(self, rate: float, name: str = "") -> None:
        self.name = (name or f"mail {settings.EMAIL_BACKEND}")[:64]
        self.spacing = timedelta(seconds=1 / (rate * MARGIN)) if rate else timedelta()
        self.slots: deque[datetime] = deque()
        self.booked = now()
        if rate:
            SendRate.objects.get_or_create(name=self.name)

    def take(self, count: int) -> int:
        """Use up to ``count`` slots whose time has come; how many there were."""
        if not self.spacing or not count:
            return count
        moment = now()
        while self.slots and self.slots[0] < moment - CREDIT:
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
        """Seconds until another slot comes; None when there is nothing to wait for."""
        if not self.spacing:
            return None
        return max(0.0, (self.slots[0] - now()).total_seconds()) if self.slots else 0.0

    def give_back(self) -> None:
        """Leave the slots that were not used to the next sender, if nobody booked behind them."""
        if self.slots:
            mine = SendRate.objects.filter(name=self.name, next_at=self.booked)
            mine.update(next_at=self.slots[0])
            self.slots.clear()

    def _furthest(self, moment: datetime) -> datetime:
        return moment + SENDERS * max(self.spacing, BOOKED)

    def _book(self, moment: datetime) -> None:
        count = max(1, BOOKED // self.spacing)
        while True:
            stored = SendRate.objects.values_list("next_at", flat=True).get(name=self.name)
            first = max(stored, moment - CREDIT)
            if stored > self._furthest(moment):
                first = moment
            self.booked = first + count * self.spacing
            if SendRate.objects.filter(name=self.name, next_at=stored).update(next_at=self.booked):
                self.slots.extend(first + place * self.spacing for place in range(count))
                return
