"""Ranked lists by field and period: what a day, week or month brought in each field of arXiv.

The job that scores the papers writes the lists, so that a page reads one row. The list of a week or
month that has ended is not written any more: what was shown stays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from django.db.models import Max, Q

from papers.models import Paper, RankedList
from papers.text import taxonomy
from papers.trending import reasons

LIST_SIZE: Final = 100
DAY_LIST_DAYS: Final = 30
"""A day's list ranks the papers announced in so many days, as an edition does."""
EXPLAINED_AT_ONCE: Final = 5000
"""Papers whose scores are read by one statement."""
Period = RankedList.Period


@dataclass(frozen=True, slots=True)
class _Candidate:
    """One paper: primary key, score, announcement (UTC) and its fields and archives."""

    pk: int
    score: float
    announced_at: datetime
    fields: frozenset[str]


def start_of(period: str, day: date) -> date:
    """Return the first day of the period that a day belongs to: a week begins on Monday."""
    if period == Period.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if period == Period.MONTH else day


def end_of(period: str, start: date) -> date:
    """Return the last day of the period that begins with ``start``."""
    if period == Period.WEEK:
        return start + timedelta(days=6)
    if period == Period.MONTH:
        return (start.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return start


def update(at: datetime) -> int:
    """Write the lists of the newest day, week and month as of a moment; returns how many changed.

    The newest announcement known at ``at`` says which day, week and month it is. A list that
    exists is left alone when papers were announced after its period.
    """
    announced = Paper.objects.aggregate(
        newest=Max("announced_at", filter=Q(announced_at__lte=at)), last=Max("announced_at")
    )
    if announced["newest"] is None:
        return 0
    day, last = (announced[key].astimezone(UTC).date() for key in ("newest", "last"))
    starts = {period: start_of(period, day) for period in Period.values}
    since = min(*starts.values(), day - timedelta(days=DAY_LIST_DAYS))
    candidates = _candidates(datetime.combine(since, time(), UTC), at)
    stored = Q(pk=None)
    for period, start in starts.items():
        stored |= Q(period=period, start=start)
    known = {(row.period, row.field): row for row in RankedList.objects.filter(stored)}
    changed = [
        row for period, start in starts.items() for row in _lists(period, start, candidates, known)
    ]
    changed = [
        row
        for row in changed
        if (row.period, row.field) not in known or end_of(row.period, row.start) >= last
    ]
    _explain(changed)
    changed = [row for row in changed if _differs(row, known.get((row.period, row.field)))]
    # In one order, so that two workers that score at once wait for each other.
    changed.sort(key=lambda row: (row.period, row.field))
    RankedList.objects.bulk_create(
        changed,
        update_conflicts=True,
        unique_fields=["period", "field", "start"],
        update_fields=["entries", "count", "updated_at"],
        batch_size=100,
    )
    RankedList.objects.filter(period=Period.DAY, start__lt=day).delete()
    return len(changed)


def _candidates(since: datetime, at: datetime) -> list[_Candidate]:
    shown = Paper.objects.filter(
        announced_at__gte=since, announced_at__lte=at, hidden=False, withdrawn=False
    )
    return [
        _Candidate(pk, score, announced, _fields(categories))
        for pk, score, announced, categories in shown.values_list(
            "pk", "trending", "announced_at", "categories"
        ).iterator(chunk_size=5000)
    ]


def _fields(categories: Sequence[str]) -> frozenset[str]:
    """Return the known categories of a paper with their archives."""
    known = [code for code in categories if code in taxonomy.NAMES]
    return frozenset([*known, *(code.partition(".")[0] for code in known)])


def _lists(
    period: str,
    start: date,
    candidates: Sequence[_Candidate],
    known: Mapping[tuple[str, str], RankedList],
) -> Iterator[RankedList]:
    """Yield the list of every field with papers in the period, and that of all fields (``""``).

    Within a week or month a paper counts by the best score that it has had there.
    """
    first = start - timedelta(days=DAY_LIST_DAYS - 1) if period == Period.DAY else start
    begin = datetime.combine(first, time(), UTC)
    grouped: dict[str, list[_Candidate]] = defaultdict(list)
    for candidate in candidates:
        if candidate.announced_at >= begin:
            for field in ("", *candidate.fields):
                grouped[field].append(candidate)
    for field, members in grouped.items():
        best: dict[int, float] = {}
        if period != Period.DAY and (old := known.get((period, field))):
            best = {entry["paper"]: entry["score"] for entry in old.entries}
        scored = [(max(one.score, best.get(one.pk, 0.0)), one) for one in members]
        scored.sort(key=lambda pair: (-pair[0], -pair[1].announced_at.timestamp(), pair[1].pk))
        entries = [{"paper": one.pk, "score": score} for score, one in scored[:LIST_SIZE]]
        yield RankedList(
            period=period, field=field, start=start, entries=entries, count=len(members)
        )


def _explain(lists: Sequence[RankedList]) -> None:
    """Add to each entry why its paper trends."""
    wanted = {entry["paper"] for one in lists for entry in one.entries}
    parts: dict[int, dict[str, Any]] = {}
    ordered = sorted(wanted)
    for start in range(0, len(ordered), EXPLAINED_AT_ONCE):
        found = Paper.objects.filter(pk__in=ordered[start : start + EXPLAINED_AT_ONCE])
        parts |= dict(found.values_list("pk", "trending_parts"))
    for one in lists:
        for entry in one.entries:
            entry["reason"] = reasons.reason(parts.get(entry["paper"], {}))


def _differs(new: RankedList, old: RankedList | None) -> bool:
    return old is None or (new.entries, new.count) != (old.entries, old.count)
