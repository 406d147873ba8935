"""Ratings of papers by their readers."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils.timezone import now

from newsletter.models import Interest, Subscriber
from newsletter.security.tokens import Rating
from newsletter.subscriptions import preferences
from papers.models import Paper
from papers.trending import likes

KINDS: Final[dict[Rating, str]] = {"up": Interest.Kind.LIKE, "down": Interest.Kind.DISLIKE}
OPPOSITE: Final[dict[Rating, Rating]] = {"up": "down", "down": "up"}


def paper_of(paper_id: str) -> Paper | None:
    """Return the paper that a digest names."""
    return Paper.objects.filter(canonical_id=paper_id).first()


def _ratings(subscriber: Subscriber, paper_id: str) -> QuerySet[Interest]:
    """Return this reader's ratings of the paper."""
    return Interest.objects.filter(subscriber=subscriber, value=paper_id, kind__in=KINDS.values())


def rating_of(subscriber: Subscriber, paper_id: str) -> Rating | None:
    """Return this reader's rating of the paper; None when there is none."""
    last = _ratings(subscriber, paper_id).order_by("-pk").first()
    return next((rating for rating, kind in KINDS.items() if last and last.kind == kind), None)


def record(subscriber: Subscriber, paper_id: str, rating: Rating) -> None:
    """Store the rating in place of the opposite one; storing it twice changes nothing."""
    with transaction.atomic():
        preferences.lock(subscriber)
        ratings = _ratings(subscriber, paper_id)
        ratings.filter(kind=KINDS[OPPOSITE[rating]]).delete()
        if not ratings.filter(kind=KINDS[rating]).exists():
            Interest.objects.bulk_create(
                [Interest(subscriber=subscriber, kind=KINDS[rating], value=paper_id)],
                ignore_conflicts=True,
            )
    count_likes(now(), [paper_id])


def withdraw(subscriber: Subscriber, paper_id: str) -> None:
    """Delete this reader's rating of the paper."""
    _ratings(subscriber, paper_id).delete()
    count_likes(now(), [paper_id])


def count_likes(at: datetime, paper_ids: Collection[str] | None = None) -> int:
    """Record in the library how many readers like each of these papers, or each liked paper.

    Only active, confirmed subscribers count, each once.

    Returns:
        The number of counts that are new.
    """
    ratings = Interest.objects.filter(
        kind=Interest.Kind.LIKE,
        subscriber__status=Subscriber.Status.ACTIVE,
        subscriber__confirmed_at__isnull=False,
    )
    if paper_ids is None:
        paper_ids = likes.liked()
    else:
        ratings = ratings.filter(value__in=paper_ids)
    people = ratings.order_by().values_list("value").annotate(Count("subscriber", distinct=True))
    return likes.record(dict.fromkeys(paper_ids, 0) | dict(people), at)
