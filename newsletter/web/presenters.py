"""A paper as a page shows it: where it stands, why, by whom, and how it begins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any, Final

from django.db.models import Q
from django.utils.timezone import now

from newsletter import display
from newsletter.display import Excerpt, Link
from papers.models import Edition, Paper, picked
from papers.trending import reasons

LISTED: Final = 100
"""Papers shown of a day without an edition."""
PICKS: Final = 3


@dataclass(frozen=True, slots=True)
class Story:
    """One paper on a page as of a moment. ``rank`` is 0 where the order means nothing."""

    paper: Paper
    rank: int = 0
    reason: str = ""
    at: datetime = field(default_factory=now)

    @property
    def picked(self) -> bool:
        """Whether the editor's pick was in force."""
        return self.paper.is_picked(self.at)

    @property
    def note(self) -> str:
        """What the editor says of a pick."""
        return self.paper.editor_note if self.picked else ""

    @property
    def byline(self) -> str:
        return display.byline(self.paper.authors)

    @property
    def excerpt(self) -> Excerpt:
        return display.excerpt(self.paper.abstract)

    @property
    def links(self) -> list[Link]:
        return display.links(self.paper)


def of_edition(
    edition: Edition, *, at: datetime | None = None, limit: int | None = None
) -> list[Story]:
    """The stories of a day in the order they were shown, without papers hidden since.

    As of its end (UTC), or of a moment.
    """
    entries: list[Mapping[str, Any]] = edition.entries[:limit]
    papers = _shown([entry["paper"] for entry in entries])
    as_of = at or min(now(), datetime.combine(edition.day, time.max, UTC))
    return [
        Story(papers[entry["paper"]], rank, entry.get("reason", ""), as_of)
        for rank, entry in enumerate(entries, start=1)
        if entry["paper"] in papers
    ]


def of_day(day: date) -> list[Story]:
    """What was listed on a day (UTC) that had no edition, in the order in which it was read."""
    begin, end = (datetime.combine(day, bound, UTC) for bound in (time.min, time.max))
    listed = Paper.objects.filter(announced_at__range=(begin, end), hidden=False)
    return [Story(paper, rank) for rank, paper in enumerate(listed.order_by("pk")[:LISTED], 1)]


def _shown(ids: Sequence[str]) -> dict[str, Paper]:
    """The papers by the ids that they had when they were shown."""
    found = Paper.objects.filter(Q(canonical_id__in=ids) | Q(former_id__in=ids), hidden=False)
    papers = {paper.former_id: paper for paper in found if paper.former_id}
    return papers | {paper.canonical_id: paper for paper in found}


def picks(at: datetime, *, beside: Iterable[Story]) -> list[Story]:
    """What the editor chose lately and does not stand on the page already, newest first."""
    present = [story.paper.pk for story in beside]
    chosen = Paper.objects.filter(picked(at), hidden=False)
    newest = chosen.exclude(pk__in=present).order_by("-picked_at", "canonical_id")
    return [Story(paper, at=at) for paper in newest[:PICKS]]


def by_trending(limit: int) -> list[Story]:
    """What trends now, for a site that has papers but has not printed an edition yet."""
    papers = Paper.objects.filter(hidden=False, withdrawn=False)[:limit]
    return [
        Story(paper, rank, reasons.reason(paper.trending_parts))
        for rank, paper in enumerate(papers, start=1)
    ]
