"""What a reader thought of one paper in a digest."""

from __future__ import annotations

from typing import Final

from django.db import transaction
from django.db.models import Q

from newsletter.models import Interest, Subscriber
from newsletter.tokens import Verdict
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


def withdraw(subscriber: Subscriber, paper_id: str) -> None:
    """Take back whatever was said about the paper."""
    Interest.objects.filter(subscriber=subscriber, value=paper_id, kind__in=KINDS.values()).delete()
