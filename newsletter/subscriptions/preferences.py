"""What a subscriber may choose: when the digest comes, how long it is, and what it is about.

One shape for every door: forms, the consent log, the CSV files and the export all speak of
``Choices``, in which a key that is missing means "nothing was said about it".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final, TypedDict, cast

from newsletter.models import Interest, Subscriber
from papers.ingest.upsert import present_ids


class Choices(TypedDict, total=False):
    """Valid choices; the lists hold no value twice."""

    frequency: str
    weekday: int
    hour: int
    timezone: str
    size: int
    topics: list[str]
    interests: list[str]
    likes: list[str]
    dislikes: list[str]
    authors: list[str]
    muted: list[str]
    names: list[str]


SETTINGS: Final = ("frequency", "weekday", "hour", "timezone", "size")
LISTS: Final[dict[str, str]] = {
    "topics": Interest.Kind.TOPIC,
    "interests": Interest.Kind.TEXT,
    "likes": Interest.Kind.LIKE,
    "dislikes": Interest.Kind.DISLIKE,
    "authors": Interest.Kind.AUTHOR,
    "muted": Interest.Kind.MUTE,
    "names": Interest.Kind.NAME,
}
JUDGED: Final = (Interest.Kind.LIKE, Interest.Kind.DISLIKE)
"""What is said of a paper, by its id."""
KEYS: Final = {kind: key for key, kind in LISTS.items()}


def of(subscriber: Subscriber) -> Choices:
    """Everything this subscriber has chosen, in the order in which it was said."""
    return of_many([subscriber])[subscriber.pk]


def of_many(subscribers: Iterable[Subscriber]) -> dict[int, Choices]:
    """The choices of several subscribers by their ids, with two queries for all their lists.

    Papers go by their present ids, whatever they were called when they were judged.
    """
    people = list(subscribers)
    lists: dict[int, dict[str, list[str]]] = defaultdict(lambda: {key: [] for key in LISTS})
    rows = list(Interest.objects.filter(subscriber__in=people).order_by("pk"))
    renamed = present_ids(row.value for row in rows if row.kind in JUDGED)
    for row in rows:
        values = lists[row.subscriber_id][KEYS[row.kind]]
        value = renamed.get(row.value, row.value) if row.kind in JUDGED else row.value
        if value not in values:
            values.append(value)
    return {
        person.pk: cast(
            Choices, {name: getattr(person, name) for name in SETTINGS} | lists[person.pk]
        )
        for person in people
    }


def take(subscriber: Subscriber, choices: Choices) -> None:
    """Store what was said; what was not said stays as it is."""
    said = [name for name in SETTINGS if name in choices]
    for name in said:
        setattr(subscriber, name, choices[name])
    subscriber.save(update_fields=said)
    rename_papers([subscriber])
    for key, kind in LISTS.items():
        if key in choices:
            _replace(subscriber, kind, choices[key])  # type: ignore[literal-required]


def rename_papers(people: Iterable[Subscriber]) -> None:
    """Store what was said of a paper before it gained its arXiv id under that id, as old as it
    is: lists that are compared with what is stored name it so."""
    said = Interest.objects.filter(subscriber__in=people, kind__in=JUDGED, value__startswith="t-")
    present = present_ids(said.values_list("value", flat=True))
    if not present:
        return
    old = said.filter(value__in=present)
    Interest.objects.bulk_create(
        [
            Interest(
                subscriber_id=row.subscriber_id,
                kind=row.kind,
                value=present[row.value],
                created_at=row.created_at,
            )
            for row in old
        ],
        ignore_conflicts=True,
    )
    old.delete()


def _replace(subscriber: Subscriber, kind: str, values: list[str]) -> None:
    """Keep the rows that are still wanted: their age matters to the ranking."""
    rows = Interest.objects.filter(subscriber=subscriber, kind=kind)
    rows.exclude(value__in=values).delete()
    Interest.objects.bulk_create(
        [Interest(subscriber=subscriber, kind=kind, value=value) for value in values],
        ignore_conflicts=True,
    )
