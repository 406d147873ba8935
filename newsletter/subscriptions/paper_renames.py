"""References to papers in interests and digests follow a paper that gets a new id."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import F, JSONField, TextField, Value
from django.db.models.functions import Cast, Replace

from newsletter.models import Digest, Interest
from newsletter.subscriptions.preferences import RATED_KINDS

DUE_BEFORE_WRITTEN: Final = timedelta(days=3)
"""A digest is written at most so long after its due time: see ``schedule.MAX_DELAY``."""


def rewrite_references(*, ids: Mapping[str, str], since: datetime, **_signal: Any) -> None:
    """Replace old ids of papers in interests and in digests; a receiver of ``papers_renamed``."""
    _rewrite_interests(ids)
    _rewrite_digests(ids, since)


def _rewrite_interests(ids: Mapping[str, str]) -> None:
    """Give ratings the new ids; of two ratings of one paper by one reader the last one stays."""
    ratings = Interest.objects.filter(kind__in=RATED_KINDS, value__in={*ids, *ids.values()})
    last: dict[tuple[int, str], Interest] = {}
    superseded: list[int] = []
    for rating in ratings.order_by("pk"):
        rated = (rating.subscriber_id, ids.get(rating.value, rating.value))
        if rated in last:
            superseded.append(last[rated].pk)
        last[rated] = rating
    Interest.objects.filter(pk__in=superseded).delete()
    renamed = [rating for rating in last.values() if rating.value in ids]
    for rating in renamed:
        rating.value = ids[rating.value]
    Interest.objects.bulk_update(renamed, ["value"], batch_size=500)


def _rewrite_digests(ids: Mapping[str, str], since: datetime) -> None:
    """Replace the ids in ``Digest.items`` with one statement for each paper.

    An id in quotation marks is a whole JSON string: inside a longer one they would be escaped.
    """
    for old, new in ids.items():
        quoted_old, quoted_new = json.dumps(old), json.dumps(new)
        digests = Digest.objects.filter(due_at__gte=since - DUE_BEFORE_WRITTEN)
        digests.annotate(text=Cast(F("items"), TextField())).filter(
            text__contains=quoted_old
        ).update(
            items=Cast(
                Replace(Cast(F("items"), TextField()), Value(quoted_old), Value(quoted_new)),
                JSONField(),
            )
        )
