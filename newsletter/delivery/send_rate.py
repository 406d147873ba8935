"""Limit the messages a second of one provider over all senders of all machines.

Messages get slots, evenly spaced. The time of the next free slot and the slots of the last second
are a row that is moved by compare-and-set, so that no slot is given twice and the limit holds for
any number of processes and machines. A sender that was kept from using its slots in time (by a busy
processor, or a database that was locked) gives them up, and the next ones are closer together until
that is made up for, with no more within any second than the limit (a virtual schedule with a
sliding window log). Slots for which no message was ready are dropped and not made up for.
"""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Final

from django.conf import settings
from django.utils.timezone import now

from newsletter.models import SendRate

# Slots missed by more than this are given up. The window is so much longer than a second that what
# leaves late and what leaves in time are never more than the limit within any second.
LATEST_USE: Final = timedelta(milliseconds=15)
WINDOW_MARGIN: Final = 1.02
# The share of the usual spacing between slots while missed ones are made up for.
CATCHING_UP: Final = 0.6
# Slots are booked for so long ahead, so that the row is not written for every message.
BOOKED_AHEAD: Final = timedelta(milliseconds=250)
# A slot that is further ahead than so many senders book together was written by a wrong clock.
MOST_SENDERS: Final = 50
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
# What senders of this process left to the next: the slots that they ended without using, while
# others had booked later ones, and when their last messages left.
_unused: dict[str, list[datetime]] = {}
_departures: dict[str, list[datetime]] = {}
_lock = Lock()


class RateLimiter:
    """Give out the slots of ``rate`` messages a second; 0 is no limit.

    The limit belongs to the configured provider, or to ``name``, and is shared by all that use the
    same name.
    """

    def __init__(self, rate: float, name: str = "") -> None:
        self.name = (name or f"mail {settings.EMAIL_BACKEND}")[:64]
        self.most = max(1, int(rate))
        self.window = timedelta(seconds=WINDOW_MARGIN * self.most / rate) if rate else timedelta()
        self.spacing = self.window / self.most
        self.period = self.window / WINDOW_MARGIN
        self.departures: deque[datetime] = deque(maxlen=self.most)
        self.slots: deque[datetime] = deque()
        self.booked = now()
        self.missed: list[datetime] = []
        self.unneeded: set[datetime] = set()
        self.waiting = False
        if rate:
            SendRate.objects.get_or_create(name=self.name)
            with _lock:
                self.missed = _unused.pop(self.name, [])
                self.departures.extend(_departures.pop(self.name, []))

    def take(self, count: int) -> int:
        """Use up to ``count`` slots whose time has come, and return their number."""
        if not self.spacing or not count:
            return count
        moment = now()
        while self.slots and self.slots[0] < moment - LATEST_USE:
            slot = self.slots.popleft()
            if self.waiting:
                self.missed.append(slot)
            else:
                self.unneeded.add(slot)
        if self.slots and self.slots[0] > self._furthest(moment):
            self.slots.clear()
        if not self.slots:
            self._book(moment)
        count = min(count, self.most - self._left_lately(moment))
        taken = 0
        while taken < count and self.slots and self.slots[0] <= moment:
            self.slots.popleft()
            taken += 1
        self.waiting = taken < count
        return taken

    def note_departures(self, count: int) -> None:
        """Note that ``count`` messages leave now: storing the intent may have taken a while."""
        if self.spacing:
            self.departures.extend([now()] * count)

    def wait(self) -> float | None:
        """Return the seconds until another message may leave; None when there is no limit."""
        if not self.spacing:
            return None
        moment = now()
        earliest = self.slots[0] if self.slots else moment
        if self._left_lately(moment) == self.most:
            earliest = max(earliest, self.departures[0] + self.period)
        return max(0.0, (earliest - moment).total_seconds())

    def _left_lately(self, moment: datetime) -> int:
        """Return how many messages of this sender left within the last second."""
        recent = (moment - self.period, moment)
        return sum(recent[0] < departure <= recent[1] for departure in self.departures)

    def give_back(self) -> None:
        """Return the unused slots; where others booked later ones, to the next sender here."""
        if not self.spacing:
            return
        unused = [*self.missed, *self.slots]
        if self.slots:
            row = SendRate.objects.get(name=self.name)
            ideal, log = read_log(row)
            recent = write_log(
                ideal - len(self.slots) * self.spacing,
                [slot for slot in log if slot < self.slots[0]],
            )
            mine = SendRate.objects.filter(name=self.name, next_at=self.booked)
            if mine.update(next_at=self.slots[0], recent=recent):
                unused = list(self.missed)
        with _lock:
            _unused[self.name] = (_unused.get(self.name, []) + unused)[-self.most :]
            _departures[self.name] = list(self.departures)
        self.slots.clear()
        self.missed = []

    def _furthest(self, moment: datetime) -> datetime:
        return moment + MOST_SENDERS * max(self.spacing, BOOKED_AHEAD)

    def _book(self, moment: datetime) -> None:
        missed = {slot for slot in self.missed if slot > moment - self.window}
        while True:
            row = SendRate.objects.get(name=self.name)
            stored, (ideal, log) = row.next_at, read_log(row)
            if stored > self._furthest(moment):
                stored, ideal, log = moment, moment, []
            ideal -= len(missed) * self.spacing
            idle = moment - stored > BOOKED_AHEAD and stored != self.booked
            if idle:  # Nobody had anything to send, so nothing was missed.
                ideal = moment - LATEST_USE
            given_up = missed | self.unneeded
            log = [slot for slot in log if slot < stored and slot not in given_up]
            ideal, slots = self._free_slots(moment, max(ideal, moment - self.window), stored, log)
            self.booked = slots[-1] + self.spacing
            changed = SendRate.objects.filter(name=self.name, next_at=row.next_at).update(
                next_at=self.booked, recent=write_log(ideal, [*log, *slots][-2 * self.most :])
            )
            if changed:
                self.slots.extend(slots)
                self.missed = []
                self.unneeded.clear()
                return

    def _free_slots(
        self, moment: datetime, ideal: datetime, stored: datetime, log: list[datetime]
    ) -> tuple[datetime, list[datetime]]:
        """Return the next slots; while they are behind the ideal, closer together.

        Args:
            moment: The present time.
            ideal: When the first would leave if none had been missed.
            stored: When it would leave after those that are booked.
            log: The slots of all senders within the last window, in order.

        Returns:
            The ideal time of the slot after them, and the slots.
        """
        slots: list[datetime] = []
        taken = deque(log, maxlen=self.most)
        count = max(1, BOOKED_AHEAD // self.spacing)
        count += max(timedelta(), stored - ideal) // self.spacing
        last = stored - self.spacing
        for _ in range(count):
            slot = max(ideal, last + CATCHING_UP * self.spacing, moment - LATEST_USE)
            if len(taken) == self.most:
                slot = max(slot, taken[0] + self.window)
            ideal += self.spacing
            last = slot
            taken.append(slot)
            slots.append(slot)
        return ideal, slots


def read_log(row: SendRate) -> tuple[datetime, list[datetime]]:
    """Return the ideal time of the next slot, and the slots of the last second."""
    times = [EPOCH + int(number) * MICROSECOND for number in row.recent.split()]
    return (times[0], times[1:]) if times else (row.next_at, [])


def write_log(ideal: datetime, slots: list[datetime]) -> str:
    """Return times as text: microseconds since the epoch."""
    return " ".join(str((time - EPOCH) // MICROSECOND) for time in (ideal, *slots))
