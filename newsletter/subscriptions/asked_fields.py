"""The fields of arXiv that subscribers ask for, for sources that follow them."""

from __future__ import annotations

from newsletter.models import Interest, Subscriber


def asked_fields(**_: object) -> set[str]:
    """Return the fields that active subscribers have chosen."""
    chosen = Interest.objects.filter(
        kind=Interest.Kind.TOPIC, subscriber__status=Subscriber.Status.ACTIVE
    )
    return set(chosen.order_by().values_list("value", flat=True).distinct())
