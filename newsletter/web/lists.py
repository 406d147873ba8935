"""The lists of the site: today, this week or this month, in all fields or in one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any, Final

from django.conf import settings
from django.urls import reverse
from django.utils.timezone import now

from newsletter.web import presenters
from newsletter.web.presenters import ListedPaper
from papers.ingest.fields import first_fetch_is_awaited
from papers.models import RankedList
from papers.text import taxonomy

Period = RankedList.Period
PERIOD_WORDS: Final = {Period.DAY: "today", Period.WEEK: "this week", Period.MONTH: "this month"}

SAMPLE_AGE: Final = timedelta(days=30)
"""Papers older than this are shown as a sample, not as news."""
CURRENT_AGE: Final = {
    Period.DAY: SAMPLE_AGE,
    Period.WEEK: SAMPLE_AGE + timedelta(weeks=1),
    Period.MONTH: SAMPLE_AGE + timedelta(days=31),
}
"""Days since the start of a current list until which it is called today's, this week's."""


def is_sample(newest: date | None, shown_on: date) -> bool:
    """Return whether papers were old already on the day that showed them: a sample, no news."""
    return newest is not None and shown_on - newest > SAMPLE_AGE


@dataclass(frozen=True)
class PaperList:
    """One list: its field (empty for all), its period, and the first day of an ended period.

    ``start`` is None for the current period.
    """

    field: str = ""
    period: str = Period.DAY
    start: date | None = None

    @cached_property
    def row(self) -> RankedList | None:
        """Return the stored list, or None if there were no papers."""
        rows = RankedList.objects.filter(period=self.period, field=self.field)
        if self.start:
            return rows.filter(start=self.start).first()
        # A field without papers in the current period has an empty list, not an older one.
        newest = RankedList.objects.filter(period=self.period, field="").order_by("-start").first()
        return rows.filter(start=newest.start).first() if newest else None

    @property
    def entries(self) -> list[dict[str, Any]]:
        """Return the stored entries in order, with those of papers hidden since."""
        return self.row.entries if self.row else []

    def papers(
        self, start: int = 0, stop: int | None = None, *, whole: bool = False
    ) -> list[ListedPaper]:
        """Return the papers of some places (from 0) in order, without those hidden since.

        With ``whole`` they have the columns that no list shows.
        """
        entries = self.entries[start:stop]
        shown = presenters.listable()
        if whole:
            shown = shown.defer(None)
        found = shown.in_bulk([entry["paper"] for entry in entries])
        at = now()
        return [
            ListedPaper(found[entry["paper"]], rank, entry.get("reason", ""), at=at)
            for rank, entry in enumerate(entries, start=start + 1)
            if entry["paper"] in found
        ]

    @property
    def field_name(self) -> str:
        """Return the field in words, empty for all fields."""
        return field_name(self.field)

    @property
    def title(self) -> str:
        """Return the title: ``Robotics: trending papers this week``."""
        subject = f"{self.field_name}: trending papers" if self.field else "Trending papers"
        return f"{subject} {self.period_words}"

    @property
    def period_words(self) -> str:
        """Return the period in words, an ended one and that of the sample edition with its date."""
        start = self.first_day
        if start is None or self.is_current:
            return PERIOD_WORDS[Period(self.period)]
        if self.period == Period.DAY:
            return f"of {start:%-d %B %Y}"
        if self.period == Period.MONTH:
            return f"of {start:%B %Y}"
        return f"of week {start.isocalendar().week}, {start.isocalendar().year}"

    @property
    def is_current(self) -> bool:
        """Return whether it may be called today's or this week's; the sample edition may not."""
        if self.start:
            return False
        start = self.first_day
        return start is None or now().date() - start <= CURRENT_AGE[Period(self.period)]

    @property
    def description(self) -> str:
        """Return one sentence for search engines and feeds."""
        where = f"in {self.field_name}" if self.field else "in all fields"
        return f"The research papers trending {where}, {self.period_words}, ranked."

    @property
    def path(self) -> str:
        """Return the path of the list's page."""
        return path_of(self.field, self.period, self.start)

    @property
    def url(self) -> str:
        """Return the address of the list's page."""
        return f"{settings.SITE_URL}{self.path}"

    @property
    def first_day(self) -> date | None:
        """Return the first day of the period, None without papers."""
        return self.start or (self.row.start if self.row else None)

    def neighbours(self) -> tuple[PaperList | None, PaperList | None]:
        """Return the lists of the periods before and after, where they exist."""
        if self.period == Period.DAY or self.first_day is None:
            return None, None
        rows = RankedList.objects.filter(period=self.period, field=self.field)
        older = rows.filter(start__lt=self.first_day).order_by("-start").only("start").first()
        newer = rows.filter(start__gt=self.first_day).order_by("start").only("start").first()
        older_list, newer_list = (
            PaperList(self.field, self.period, row.start) if row else None for row in (older, newer)
        )
        return older_list, newer_list


def field_name(field: str) -> str:
    """Return a category or archive in words: ``Robotics``, ``all of math``."""
    if not field:
        return ""
    return taxonomy.NAMES.get(field) or f"all of {field}"


def path_of(field: str, period: str, start: date | None = None) -> str:
    """Return the path of a list."""
    prefix = "field-" if field else ""
    arguments = [field] if field else []
    if period == Period.DAY:
        return reverse("field" if field else "home", args=arguments)
    if start:
        return reverse(f"{prefix}ended-{period}", args=[*arguments, key_of(period, start)])
    return reverse(f"{prefix}{period}", args=arguments)


def key_of(period: str, start: date) -> str:
    """Return the key of a period in addresses: ``2026-W48`` or ``2026-11``."""
    if period == Period.MONTH:
        return f"{start:%Y-%m}"
    year, week, _ = start.isocalendar()
    return f"{year}-W{week:02}"


def start_from_key(period: str, key: str) -> date:
    """Return the first day of the period with this key.

    Raises:
        ValueError: the key is not one that :func:`key_of` writes.
    """
    text = f"{key}-1" if period == Period.WEEK else f"{key}-01"
    start = date.fromisoformat(text)
    if key_of(period, start) != key:
        raise ValueError(key)
    return start


def week_counts() -> dict[str, int]:
    """Return how many papers the current week brought, by field and archive.

    There are none before arXiv is read for the first time, nor in a sample edition.
    """
    whole = PaperList(period=Period.WEEK)
    newest = whole.row
    if newest is None or not whole.is_current or first_fetch_is_awaited():
        return {}
    rows = RankedList.objects.filter(period=Period.WEEK, start=newest.start).exclude(field="")
    return dict(rows.values_list("field", "count"))


def new_and_rising(
    listed: Sequence[ListedPaper], newest: date | None
) -> tuple[list[ListedPaper], list[ListedPaper]]:
    """Split papers into those announced on the newest day and those announced before."""
    new = [one for one in listed if one.day == newest]
    return new, [one for one in listed if one.day != newest]
