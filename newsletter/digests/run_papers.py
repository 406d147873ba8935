"""The papers that digests are chosen from, read once and shared by all readers of a run."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

from django.db.models import Count, Max, Min, Q, QuerySet
from django.utils.timezone import now

from newsletter import display
from newsletter.digests import claims, retention
from newsletter.models import FrozenLetter, Interest, Subscriber
from newsletter.subscriptions.preferences import RATED_KINDS
from papers.models import Paper, RankedList
from papers.recommend import diversify, loader
from papers.text.identifiers import TITLE_ID_PREFIX

LONGEST_USE: Final = timedelta(minutes=10)
"""A process reads the papers anew after so long: what is announced meanwhile is a candidate."""
LETTER_FOR_NEW_READERS: Final = timedelta(days=1)
"""A first digest carries a letter that is no older."""
LOOK_AHEAD: Final = timedelta(minutes=1)
"""The papers are read so long before somebody is due."""
EDITS_SECONDS: Final = 5.0
"""What editors change counts for slices that begin so much later."""


class RunPapers:
    """The candidate papers of one run, read once and shared by all its subscribers."""

    def __init__(self, at: datetime, people: QuerySet[Subscriber]) -> None:
        self.at = at
        self.rated = rated_by(people)
        self.index = loader.build(at, self.rated)
        self.first_seen = self._first_seen()
        self.forgotten = retention.forgotten(list(self.index.place))
        self.notes = self._notes()

    def is_outdated(self) -> bool:
        """Return whether a candidate got a new id, or was deleted, since all were read."""
        titled = [paper for paper in self.index.place if paper.startswith(TITLE_ID_PREFIX)]
        return Paper.objects.filter(canonical_id__in=titled).count() < len(titled)

    def knows(self, rated: Collection[str]) -> bool:
        """Return whether all these papers were looked for when the index was made."""
        return self.rated.issuperset(set(rated) - self.index.rows.keys())

    def as_of(self, at: datetime) -> RunPapers:
        """Return the same papers for a run at another time."""
        other = copy.copy(self)
        other.at = at
        other.__dict__.pop("letter", None)
        return other

    @cached_property
    def letter(self) -> tuple[datetime, str] | None:
        """When the editor's newest letter was written, and its Markdown."""
        return next(iter(display.recent_letters(self.at)), None)

    def letter_key(self, last: datetime | None) -> str:
        """Return the key of the editor's letter for who got a digest last at that time, if ever.

        Who has had the letter, or was not there when it was written, gets none.
        """
        if self.letter is None:
            return ""
        written, markdown = self.letter
        since = last or self.at - LETTER_FOR_NEW_READERS
        return display.letter_key(markdown) if written > since else ""

    def keep_letter(self) -> None:
        """Store the letter as the digests of this run carry it."""
        if self.letter is not None:
            _, markdown = self.letter
            row = FrozenLetter(key=display.letter_key(markdown), markdown=markdown)
            FrozenLetter.objects.bulk_create([row], ignore_conflicts=True)

    def item(self, pick: diversify.Pick) -> dict[str, Any]:
        """Return a chosen paper as an item of ``Digest.items``, with the editor's note."""
        frozen: dict[str, Any] = {
            "paper": pick.paper,
            "score": pick.score,
            "slot": pick.slot,
            "reason": pick.reason,
            "part": pick.part,
        }
        if pick.slot == "pick" and pick.paper in self.notes:
            frozen["note"] = self.notes[pick.paper]
        return frozen

    def _notes(self) -> dict[str, str]:
        picked = Paper.objects.filter(picked_at__isnull=False).exclude(editor_note="")
        return dict(picked.values_list("canonical_id", "editor_note"))

    def _first_seen(self) -> datetime:
        """Return the earliest date of any candidate: older digests cannot hold one of them.

        A paper may have been deleted and read again, so that the date of its announcement counts.
        """
        seen = Paper.objects.filter(canonical_id__in=list(self.index.place))
        first = seen.aggregate(Min("announced_at"), Min("first_seen_at"))
        return min((moment for moment in first.values() if moment), default=now())


def rated_by(people: QuerySet[Subscriber] | Sequence[Subscriber]) -> set[str]:
    """Return the ids of the papers that these readers like or dislike."""
    rated = Interest.objects.filter(subscriber__in=people, kind__in=RATED_KINDS)
    return set(rated.values_list("value", flat=True).distinct())


@dataclass(slots=True)
class _Kept:
    """The papers of one state of the catalogue, and when it was last compared as a whole."""

    papers: RunPapers
    newest: tuple[Any, ...]
    edits: tuple[Any, ...]
    compared_at: float


_kept: _Kept | None = None
_lock = threading.Lock()


def shared(at: datetime, readers: Sequence[Subscriber] = ()) -> RunPapers:
    """Return the papers that this process keeps, read anew if they are outdated.

    They include what the readers who are due by ``at`` or soon after have rated, and what
    ``readers`` have.
    """
    global _kept  # noqa: PLW0603 - one value for the process
    with _lock:
        current = _kept is not None and _is_current(_kept, at)
        if _kept is None or not current or not _kept.papers.knows(rated_by(readers)):
            _kept = None  # So that two are never in memory at once.
            newest, edits = _newest(), _edits()
            papers = RunPapers(at, claims.due(at + LOOK_AHEAD))
            _kept = _Kept(papers, newest, edits, time.monotonic())
        return _kept.papers.as_of(at)


def prepare(at: datetime) -> bool:
    """Read the papers before readers are due, so that the first digest need not wait for it.

    Returns:
        Whether somebody is due soon.
    """
    soon = claims.due(at + LOOK_AHEAD).exists()
    if soon:
        shared(at)
    return soon


def forget() -> None:
    """Drop the kept papers."""
    global _kept  # noqa: PLW0603 - one value for the process
    _kept = None


def _is_current(kept: _Kept, at: datetime) -> bool:
    if not timedelta() <= at - kept.papers.at <= LONGEST_USE:
        return False
    if kept.newest != _newest() or kept.papers.is_outdated():
        return False
    if time.monotonic() - kept.compared_at > EDITS_SECONDS:
        kept.compared_at = time.monotonic()
        return kept.edits == _edits()
    return True


def _newest() -> tuple[Any, ...]:
    """Return what changes whenever papers come or their scores change."""
    newest = Paper.objects.aggregate(Max("pk"))["pk__max"]
    return newest, RankedList.objects.aggregate(Max("updated_at"))["updated_at__max"]


def _edits() -> tuple[Any, ...]:
    """Return what changes when papers are picked, hidden or withdrawn; reads the whole table."""
    found = Paper.objects.aggregate(
        Max("picked_at"),
        hidden=Count("pk", filter=Q(hidden=True)),
        withdrawn=Count("pk", filter=Q(withdrawn=True)),
    )
    return tuple(found.values())
