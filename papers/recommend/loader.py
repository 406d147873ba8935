"""The recent papers and the liked ones, read from the database for the ranking."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q

from papers.models import Paper, picked
from papers.recommend import embeddings
from papers.recommend.index import Document, Index
from papers.trending import reasons, score
from papers.trending.update import newest_announcement

WINDOW: Final = timedelta(days=30)
FIELDS: Final = (
    "canonical_id",
    "title",
    "abstract",
    "authors",
    "categories",
    "trending",
    "trending_parts",
    "announced_at",
    "picked_at",
)


def build(at: datetime, liked: Collection[str] = ()) -> Index:
    """The index of the papers that may be sent at a moment.

    Those are announced in the 30 days before the newest paper known by then, or picked by the
    editor lately, and neither withdrawn nor hidden. ``liked`` names further papers whose texts
    the profiles need; they are never sent.
    """
    newest = newest_announcement(at)
    if newest is None:
        return Index([])
    recent = Q(announced_at__gt=newest - WINDOW)
    shown = Q(withdrawn=False, hidden=False, announced_at__lte=at)
    candidates = list(_documents((recent | picked(at)) & shown, at))
    known = {document.id for document in candidates}
    others = list(_documents(Q(canonical_id__in=set(liked) - known), at)) if liked else []
    vectors = embeddings.vectors_of({document.id for document in (*candidates, *others)})
    return Index(candidates, others, vectors)


def _documents(condition: Q, at: datetime) -> Iterable[Document]:
    papers = Paper.objects.filter(condition).order_by("-trending", "-announced_at", "canonical_id")
    for paper in papers.only(*FIELDS).iterator(chunk_size=2000):
        # What came since the last scoring has no parts yet; that it is new is true of it anyway.
        parts = {"announced": paper.announced_at.date().isoformat()} | paper.trending_parts
        yield Document(
            id=paper.canonical_id,
            title=paper.title,
            abstract=paper.abstract,
            authors=tuple(paper.authors),
            categories=tuple(paper.categories),
            trending=paper.trending,
            why=reasons.reason(parts),
            grown=reasons.has_grown(parts),
            picked=_picked(paper, at),
            announced=score.hours(paper.announced_at),
        )


def _picked(paper: Paper, at: datetime) -> float:
    """When the editor picked a paper, in hours of the epoch; 0 unless the pick is in force."""
    chosen = paper.picked_at
    return score.hours(chosen) if chosen and paper.is_picked(at) else 0.0
