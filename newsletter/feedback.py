"""What a reader thought of one paper in a digest."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Count, Q
from django.utils.timezone import now

from newsletter.models import Interest, Subscriber
from newsletter.tokens import Verdict
from papers import likes
from papers.models import Paper

KINDS: Final[dict[Verdict, str]] = {"up": Interest.Kind.LIKE, "down": Interest.Kind.DISLIKE}
OPPOSITE: Final[dict[Verdict, Verdict]] = {"up": "down", "down": "up"}


def paper_of(paper_id: str) -> Paper | None:
    """The paper that a digest named, under its present or its former id."""
    return Paper.objects.filter(Q(canonical_id=paper_id) | Q(former_id=paper_id)).first()


def verdict_on(subscriber: Subscriber, paper_id: str) -> Verdict | None:
    """What this reader said of the paper so far."""
    said = Interest.objects.filter(
        subscriber=subscriber, value=paper_id, kind__in=KINDS.values()
    ).first()
    return next((verdict for verdict, kind in KINDS.items() if said and said.kind == kind), None)


def record(subscriber: Subscriber, paper_id: str, verdict: Verdict) -> None:
    """Remember the verdict and take back the opposite one; saying it twice changes nothing."""
    with transaction.atomic():
        said = Interest.objects.filter(subscriber=subscriber, value=paper_id)
        said.filter(kind=KINDS[OPPOSITE[verdict]]).delete()
        Interest.objects.bulk_create(
            [Interest(subscriber=subscriber, kind=KINDS[verdict], value=paper_id)],
            ignore_conflicts=True,
        )
    count_likes(now(), [paper_id])


def withdraw(subscriber: Subscriber, paper_id: str) -> None:
    """Take back whatever was said about the paper."""
    Interest.objects.filter(subscriber=subscriber, value=paper_id, kind__in=KINDS.values()).delete()
    count_likes(now(), [paper_id])


def count_likes(at: datetime, paper_ids: Collection[str] | None = None) -> int:
    """Tell the library how many readers like each of these papers, or each paper at all.

    Only active, confirmed subscribers count, each once. Returns how many counts were new.
    """
    said = Interest.objects.filter(
        kind=Interest.Kind.LIKE,
        subscriber__status=Subscriber.Status.ACTIVE,
        subscriber__confirmed_at__isnull=False,
    )
    if paper_ids is None:
        paper_ids = likes.liked()
    else:
        said = said.filter(value__in=paper_ids)
    people = said.order_by().values_list("value").annotate(Count("subscriber", distinct=True))
    return likes.record(dict.fromkeys(paper_ids, 0) | dict(people), at)
