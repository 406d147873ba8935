"""Papers that readers judge and the catalogue lacks: the library is asked to fetch them.

Only for readers who confirmed: a stranger at the sign-up box must not make us fetch anything.
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
from newsletter.subscriptions.preferences import JUDGED
from papers.ingest import service as ingest
from papers.models import Paper
from papers.text import identifiers

AT_ONCE: Final = 20
"""Papers sought for one reader at a time; the rest comes with the reader's next change."""
PER_READER: Final = throttle.Limit("papers sought", 5, throttle.DAY)
CONFIRMED: Final = (Subscriber.Status.ACTIVE, Subscriber.Status.PAUSED)


def seek(subscriber: Subscriber, at: datetime) -> None:
    """Have the papers fetched that this reader judged, a few at a time and a few times a day."""
    lacking = _lacking([subscriber], at)[subscriber.pk]
    if lacking and throttle.allow(PER_READER, str(subscriber.pk), at):
        ingest.queue(lacking)


def seek_for_all(people: Iterable[Subscriber], at: datetime) -> None:
    """The same for many whom the operator vouches for, with as many queries as for one."""
    ingest.queue(chain.from_iterable(_lacking(people, at).values()))


def _lacking(people: Iterable[Subscriber], at: datetime) -> dict[int, list[str]]:
    """By reader the first arXiv ids that are neither known nor asked for already."""
    judged = Interest.objects.filter(
        ~Exists(Paper.objects.filter(canonical_id=OuterRef("value"))),
        ~Exists(ingest.asked(at).filter(arxiv_id=OuterRef("value"))),
        kind__in=JUDGED,
        subscriber__in=people,
        subscriber__status__in=CONFIRMED,
    )
    lacking: dict[int, list[str]] = defaultdict(list)
    for reader, name in judged.order_by("pk").values_list("subscriber_id", "value"):
        if len(lacking[reader]) < AT_ONCE and identifiers.arxiv_id(name):
            lacking[reader].append(name)
    return lacking
