"""Requests for papers that readers rated and that the catalogue does not have.

Only readers who confirmed can cause them: the sign-up form must not make us fetch anything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from itertools import chain
from typing import Final

from django.db.models import Exists, OuterRef

from newsletter.models import Interest, Subscriber
from newsletter.security import throttle
from newsletter.subscriptions.preferences import RATED_KINDS
from papers.ingest import service as ingest
from papers.models import Paper
from papers.text import identifiers

PAPERS_AT_ONCE: Final = 20
"""Papers requested for one reader at a time; the rest follows with the reader's next change."""
PER_READER: Final = throttle.Limit("papers sought", 5, throttle.DAY)
CONFIRMED: Final = (Subscriber.Status.ACTIVE, Subscriber.Status.PAUSED)


def request_papers(subscriber: Subscriber, at: datetime) -> None:
    """Request the missing papers that this reader rated, as far as the limits allow."""
    missing = _missing([subscriber], at)[subscriber.pk]
    if missing and throttle.allow(PER_READER, str(subscriber.pk), at):
        ingest.queue(missing)


def request_papers_for_all(people: Iterable[Subscriber], at: datetime) -> None:
    """Request the missing papers of many readers, without the daily limit, in two queries."""
    ingest.queue(chain.from_iterable(_missing(people, at).values()))


def _missing(people: Iterable[Subscriber], at: datetime) -> dict[int, list[str]]:
    """Return, by reader, the first arXiv ids that are neither known nor requested already."""
    rated = Interest.objects.filter(
        ~Exists(Paper.objects.filter(canonical_id=OuterRef("value"))),
        ~Exists(ingest.asked(at).filter(arxiv_id=OuterRef("value"))),
        kind__in=RATED_KINDS,
        subscriber__in=people,
        subscriber__status__in=CONFIRMED,
    )
    missing: dict[int, list[str]] = defaultdict(list)
    for reader, name in rated.order_by("pk").values_list("subscriber_id", "value"):
        if len(missing[reader]) < PAPERS_AT_ONCE and identifiers.arxiv_id(name):
            missing[reader].append(name)
    return missing
