"""The interests of subscribers in the terms of the ranking."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime

from django.conf import settings

from newsletter.models import Interest, Subscriber
from newsletter.subscriptions.preferences import JUDGED
from papers.ingest.upsert import present_ids
from papers.recommend.profile import Profile


def profiles_of(people: Collection[Subscriber], at: datetime) -> dict[int, Profile]:
    """The interests of a chunk of subscribers in the ranking's terms.

    A paper that gained its arXiv id after it was judged is still the same paper.
    """
    wishes: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    ages: dict[int, dict[str, float]] = defaultdict(dict)
    found = Interest.objects.filter(subscriber__in=people).order_by("pk")
    rows = list(found.values_list("subscriber_id", "kind", "value", "created_at"))
    renamed = present_ids(value for _, kind, value, _ in rows if kind in JUDGED)
    for owner, kind, said, since in rows:
        value = renamed.get(said, said) if kind in JUDGED else said
        if value not in wishes[owner][kind]:
            wishes[owner][kind].append(value)
        if kind == Interest.Kind.LIKE:
            age = max(0.0, (at - since).total_seconds() / 86400)
            ages[owner][value] = min(age, ages[owner].get(value, age))
    return {person.pk: _profile(wishes[person.pk], ages[person.pk]) for person in people}


def _profile(wishes: Mapping[str, list[str]], ages: Mapping[str, float]) -> Profile:
    kind = Interest.Kind
    return Profile(
        topics=wishes.get(kind.TOPIC, []),
        texts=wishes.get(kind.TEXT, []),
        likes=wishes.get(kind.LIKE, []),
        dislikes=wishes.get(kind.DISLIKE, []),
        authors=wishes.get(kind.AUTHOR, []),
        muted=wishes.get(kind.MUTE, []),
        names=wishes.get(kind.NAME, []),
        ages=ages,
        half_life=settings.LIKE_HALF_LIFE_DAYS,
    )
