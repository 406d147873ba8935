"""The papers that people met: these stay in the catalogue however old they are."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models.fields.json import KT

from newsletter.models import Digest, FrozenCard, Interest
from newsletter.subscriptions.preferences import RATED_KINDS


def met_papers(**_: object) -> Iterator[str]:
    """Yield the ids of papers that were mailed, chosen for a digest, or rated.

    What was mailed has a snapshot. Digests without snapshots wait, never left, or are older than
    these.
    """
    ratings = Interest.objects.filter(kind__in=RATED_KINDS).order_by()
    yield from ratings.values_list("value", flat=True).distinct().iterator()
    cards = FrozenCard.objects.order_by().values_list(KT("content__paper"), flat=True)
    yield from cards.distinct().iterator()
    unsent = Digest.objects.filter(cards="").exclude(items=[]).order_by()
    for items in unsent.values_list("items", flat=True).iterator(500):
        yield from (item["paper"] for item in items)
