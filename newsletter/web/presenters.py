"""Papers as a page lists them: rank, reason, byline, summary and links."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from django.db.models import QuerySet
from django.utils.timezone import now

from newsletter import display
from newsletter.display import Link, Summary
from papers.models import Edition, Paper, picked
from papers.recommend.diversify import Pick
from papers.search import Query, parts_to_highlight
from papers.text.scripts import Level, Piece
from papers.trending import reasons

PAPERS_WITHOUT_EDITION: Final = 100
"""Papers listed for a day that has no edition."""
PICKS_SHOWN: Final = 3
UNLISTED_COLUMNS: Final = (
    *("former_id", "title_key", "version", "cleaned_with", "keywords", "published_at"),
    *("revised_at", "first_seen_at", "comment", "journal_ref", "doi", "license", "mentions"),
    "former_picks",
    *("authority", "editor_summary", "source_summary", "summary_version"),
    *("trending", "trending_parts"),
)
"""What no list of papers shows."""
LISTED_COLUMNS: Final = tuple(
    field.attname for field in Paper._meta.concrete_fields if field.name not in UNLISTED_COLUMNS
)


class TextPiece(NamedTuple):
    """A part of a text, how it stands on its line, and whether the search matches it."""

    text: str
    level: Level
    matches: bool


@dataclass(frozen=True, slots=True)
class ListedPaper:
    """One paper in a list at a given time. ``rank`` is 0 where the order has no meaning."""

    paper: Paper
    rank: int = 0
    reason: str = ""
    query: Query | None = None
    at: datetime = field(default_factory=now)

    @property
    def picked(self) -> bool:
        """Return whether the paper was an editor's pick at that time."""
        return self.paper.is_picked(self.at)

    @property
    def note(self) -> str:
        """Return the editor's note of a pick, or an empty string."""
        return self.paper.editor_note if self.picked else ""

    @property
    def reason_beside_pick(self) -> str:
        """Return the reason; empty where it says no more than the words “Editor’s pick” do."""
        return "" if self.picked and self.reason in reasons.PICK_REASONS else self.reason

    @property
    def fingerprint(self) -> str:
        """Return a hash of everything that a list shows of the paper but its search's matches."""
        shown = [self.rank, self.reason, self.picked, self.days_old]
        columns = [getattr(self.paper, name) for name in LISTED_COLUMNS]
        return blake2b(repr((shown, columns)).encode(), digest_size=16).hexdigest()

    @property
    def day(self) -> date:
        """Return the day of the announcement (UTC)."""
        return self.paper.announced_at.astimezone(UTC).date()

    @property
    def days_old(self) -> int:
        """Return the number of the day since the announcement: 1 on the day itself."""
        return (self.at.astimezone(UTC).date() - self.day).days + 1

    @property
    def title_pieces(self) -> list[TextPiece]:
        """Return the title in pieces, each with whether the search matches it."""
        return self._highlighted(display.title_pieces(self.paper))

    @property
    def summary_pieces(self) -> list[TextPiece]:
        """Return the summary in pieces, as ``title_pieces``."""
        return self._highlighted(display.summary_pieces(self.paper))

    def _highlighted(self, pieces: Iterable[Piece]) -> list[TextPiece]:
        if not self.query:
            return [TextPiece(piece.text, piece.level, matches=False) for piece in pieces]
        return [
            TextPiece(text, piece.level, matches=matches)
            for piece in pieces
            for text, matches in parts_to_highlight(piece.text, self.query)
            if text
        ]

    @property
    def byline(self) -> str:
        """Return the authors as one line."""
        return display.byline(self.paper.authors)

    @property
    def summary(self) -> Summary:
        """Return the line under the title and the abstract behind it."""
        return display.summary(self.paper)

    @property
    def links(self) -> list[Link]:
        """Return the links of the paper."""
        return display.links(self.paper)


def from_edition(
    edition: Edition, *, at: datetime | None = None, start: int = 0, stop: int | None = None
) -> list[ListedPaper]:
    """Return the papers of some places of an edition (from 0), without those hidden since.

    Picks are shown as they were at ``at``, by default at the end of the edition's day (UTC).
    """
    entries: list[Mapping[str, Any]] = edition.entries[start:stop]
    papers = by_canonical_id([entry["paper"] for entry in entries])
    as_of = at or min(now(), datetime.combine(edition.day, time.max, UTC))
    return [
        ListedPaper(papers[entry["paper"]], rank, entry.get("reason", ""), at=as_of)
        for rank, entry in enumerate(entries, start=start + 1)
        if entry["paper"] in papers
    ]


def from_day(day: date) -> list[ListedPaper]:
    """Return the papers announced on a day (UTC) without an edition, in the order of ingestion."""
    begin, end = (datetime.combine(day, bound, UTC) for bound in (time.min, time.max))
    listed = listable(announced_at__range=(begin, end))
    return [
        ListedPaper(paper, rank)
        for rank, paper in enumerate(listed.order_by("pk")[:PAPERS_WITHOUT_EDITION], 1)
    ]


def from_picks(picks: Sequence[Pick]) -> list[ListedPaper]:
    """Return the papers chosen for a reader, each with its reason."""
    papers = by_canonical_id([pick.paper for pick in picks])
    return [
        ListedPaper(papers[pick.paper], rank, pick.reason)
        for rank, pick in enumerate(picks, start=1)
        if pick.paper in papers
    ]


def by_canonical_id(ids: Sequence[str]) -> dict[str, Paper]:
    """Return the papers that are not hidden by their ids."""
    return {paper.canonical_id: paper for paper in listable(canonical_id__in=ids)}


def titles(keys: Iterable[int]) -> dict[int, str]:
    """Return the titles of papers that are not hidden by their primary keys."""
    found = Paper.objects.filter(pk__in=set(keys), hidden=False)
    return dict(found.values_list("pk", "title"))


def news_count(edition: Edition) -> int:
    """Return how many papers an edition's newest day brought, without listed ones hidden since."""
    hidden = Paper.objects.filter(pk__in=edition.news or (), hidden=True).count()
    return edition.news_count - hidden


def listable(**conditions: Any) -> QuerySet[Paper]:
    """Return papers that may be shown, without the columns that no list shows."""
    return Paper.objects.filter(hidden=False, **conditions).defer(*UNLISTED_COLUMNS)


def picks(at: datetime, *, beside: Iterable[ListedPaper]) -> list[ListedPaper]:
    """Return the newest picks that the page does not list already."""
    present = [listed_paper.paper.pk for listed_paper in beside]
    chosen = listable().filter(picked(at))
    newest = chosen.exclude(pk__in=present).order_by("-picked_at", "canonical_id")
    return [ListedPaper(paper, at=at) for paper in newest[:PICKS_SHOWN]]


def by_trending(limit: int) -> list[ListedPaper]:
    """Return the papers by trending score, for a site without an edition."""
    papers = Paper.objects.filter(hidden=False, withdrawn=False)[:limit]
    return [
        ListedPaper(paper, rank, reasons.reason(paper.trending_parts))
        for rank, paper in enumerate(papers, start=1)
    ]
