"""Ratings of papers by their readers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
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


def _ratings(subscriber: Subscriber, paper_ids: Collection[str]) -> QuerySet[Interest]:
    """Return this reader's ratings of the papers."""
    return Interest.objects.filter(
        subscriber=subscriber, value__in=paper_ids, kind__in=KINDS.values()
    )


def ratings_of(subscriber: Subscriber, paper_ids: Collection[str]) -> dict[str, Rating]:
    """Return this reader's ratings of the papers by canonical id, without those not rated."""
    ratings: dict[str, Rating] = {kind: rating for rating, kind in KINDS.items()}
    stored = _ratings(subscriber, paper_ids).order_by("pk").values_list("value", "kind")
    return {paper_id: ratings[kind] for paper_id, kind in stored}


def rating_of(subscriber: Subscriber, paper_id: str) -> Rating | None:
    """Return this reader's rating of the paper; None when there is none."""
    return ratings_of(subscriber, [paper_id]).get(paper_id)


def record(subscriber: Subscriber, paper_id: str, rating: Rating) -> None:
    """Store the rating in place of the opposite one; storing it twice changes nothing."""
    record_all(subscriber, {paper_id: rating})


def withdraw(subscriber: Subscriber, paper_id: str) -> None:
    """Delete this reader's rating of the paper."""
    record_all(subscriber, {paper_id: None})


def record_all(subscriber: Subscriber, ratings: Mapping[str, Rating | None]) -> None:
    """Store the rating of each paper, by canonical id, in place of the one before; None is none.

    Raises:
        ErasedTokenError: The subscriber was erased meanwhile.
    """
    with transaction.atomic():
        preferences.lock(subscriber)
        stored = ratings_of(subscriber, ratings.keys())
        changed = {
            paper_id: rating
            for paper_id, rating in ratings.items()
            if rating != stored.get(paper_id)
        }
        _ratings(subscriber, changed.keys()).delete()
        Interest.objects.bulk_create(
            [
                Interest(subscriber=subscriber, kind=KINDS[rating], value=paper_id)
                for paper_id, rating in changed.items()
                if rating
            ],
            ignore_conflicts=True,
        )
    count_likes(now(), ratings.keys())


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
