"""Count each day's sign-ups, mails and answers into a small table, for plots and counters."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from django.db.models import Count
from django.utils.timezone import now

from newsletter.models import Consent, DailyCount, DeliveryEvent, Digest, Interest

# Late events and settled digests still belong to their day.
RECOUNTED_DAYS: Final = 3
ACTIONS: Final = {
    Consent.Action.SIGN_UP: "asked",
    Consent.Action.CONFIRM: "confirmed",
    Consent.Action.UNSUBSCRIBE: "left",
    Consent.Action.SUPPRESS: "suppressed",
}
STATES: Final = {
    Digest.State.SENT: "sent",
    Digest.State.FAILED: "failed",
    Digest.State.UNCERTAIN: "uncertain",
    Digest.State.SKIPPED: "skipped",
    Digest.State.CANCELLED: "cancelled",
}
WAITING: Final = "waiting"
"""Digests that have not reached one of STATES yet."""
ALL_STATES: Final = dict.fromkeys(Digest.State.values, WAITING) | STATES
EVENTS: Final = {"delivered": "delivered", "bounced": "bounced", "complained": "complained"}
LIKED: Final = "liked"
NAMES: Final = (*ACTIONS.values(), *STATES.values(), WAITING, *EVENTS.values(), LIKED)


def count_days(moment: datetime) -> None:
    """Count the last days again and store what they came to."""
    for ago in range(RECOUNTED_DAYS):
        day = (moment - timedelta(days=ago)).astimezone(UTC).date()
        for name, value in counts_of(day).items():
            DailyCount.objects.update_or_create(day=day, name=name, defaults={"value": value})


def counts_of(day: date) -> Counter[str]:
    """Count what happened on a day (UTC): digests by their due time, all else by its own."""
    start = datetime.combine(day, time.min, UTC)
    within = (start, start + timedelta(days=1))
    counts: Counter[str] = Counter(dict.fromkeys(NAMES, 0))
    queries = (
        (Consent.objects.filter(at__range=within), "action", ACTIONS),
        (Digest.objects.filter(due_at__range=within), "state", ALL_STATES),
        (DeliveryEvent.objects.filter(received_at__range=within), "type", EVENTS),
    )
    for rows, field, names in queries:
        for value, number in rows.order_by().values_list(field).annotate(Count("pk")):
            if value in names:
                counts[names[value]] += number
    likes = Interest.objects.filter(kind=Interest.Kind.LIKE, created_at__range=within)
    counts[LIKED] = likes.count()
    return counts


def series(days: int) -> tuple[list[date], dict[str, list[int]]]:
    """Return the last days, oldest first, and for each name its value on each of them."""
    today = now().astimezone(UTC).date()
    shown = [today - timedelta(days=ago) for ago in reversed(range(days))]
    stored = {
        (row.day, row.name): row.value for row in DailyCount.objects.filter(day__gte=shown[0])
    }
    return shown, {name: [stored.get((day, name), 0) for day in shown] for name in NAMES}
