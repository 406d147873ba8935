"""What a reader thought of one paper in a digest."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils.timezone import now

from newsletter.models import Interest, Subscriber
from newsletter.security.tokens import Verdict
from papers.models import Paper
from papers.trending import likes

KINDS: Final[dict[Verdict, str]] = {"up": Interest.Kind.LIKE, "down": Interest.Kind.DISLIKE}
OPPOSITE: Final[dict[Verdict, Verdict]] = {"up": "down", "down": "up"}


def paper_of(paper_id: str) -> Paper | None:
    """The paper that a digest named, under its present or its former id."""
    return Paper.objects.filter(Q(canonical_id=paper_id) | Q(former_id=paper_id)).first()


def _names(paper_ids: Collection[str]) -> set[str]:
    """These ids and those that their papers had before: what was said under one is of both."""
    renamed = Paper.objects.filter(canonical_id__in=paper_ids).exclude(former_id="")
    return {*paper_ids, *renamed.values_list("former_id", flat=True)}


def _said(subscriber: Subscriber, paper_id: str) -> QuerySet[Interest]:
    """What this reader said of the paper, under its present or its former id."""
    return Interest.objects.filter(
        subscriber=subscriber, value__in=_names([paper_id]), kind__in=KINDS.values()
    )


def verdict_on(subscriber: Subscriber, paper_id: str) -> Verdict | None:
    """What this reader said of the paper so far."""
    said = _said(subscriber, paper_id).order_by("-pk").first()
    return next((verdict for verdict, kind in KINDS.items() if said and said.kind == kind), None)


def record(subscriber: Subscriber, paper_id: str, verdict: Verdict) -> None:
    """Remember the verdict and take back the opposite one; saying it twice changes nothing."""
    with transaction.atomic():
        said = _said(subscriber, paper_id)
        said.filter(kind=KINDS[OPPOSITE[verdict]]).delete()
        if not said.filter(kind=KINDS[verdict]).exists():
            Interest.objects.bulk_create(
                [Interest(subscriber=subscriber, kind=KINDS[verdict], value=paper_id)],
                ignore_conflicts=True,
            )
    count_likes(now(), [paper_id])


def withdraw(subscriber: Subscriber, paper_id: str) -> None:
    """Take back whatever was said about the paper."""
    _said(subscriber, paper_id).delete()
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
        said = said.filter(value__in=_names(paper_ids))
    people = said.order_by().values_list("value").annotate(Count("subscriber", distinct=True))
    return likes.record(dict.fromkeys(paper_ids, 0) | dict(people), at)
