"""The choices of a subscriber: when the digest comes, its length and its subjects.

Forms, the consent log, the CSV files and the export all use ``Choices``. A key that is missing
from it leaves that setting or list as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple, TypedDict, cast

from newsletter.models import Interest, Subscriber
from newsletter.security.tokens import ErasedTokenError


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
    ignored: list[str]


SETTINGS: Final = ("frequency", "weekday", "hour", "timezone", "size")
LISTS: Final[dict[str, str]] = {
    "topics": Interest.Kind.TOPIC,
    "interests": Interest.Kind.TEXT,
    "likes": Interest.Kind.LIKE,
    "dislikes": Interest.Kind.DISLIKE,
    "authors": Interest.Kind.AUTHOR,
    "muted": Interest.Kind.MUTE,
    "names": Interest.Kind.NAME,
    "ignored": Interest.Kind.IGNORE,
}
RATED_KINDS: Final = (Interest.Kind.LIKE, Interest.Kind.DISLIKE)
"""Kinds whose value is the id of a paper."""
KEYS: Final = {kind: key for key, kind in LISTS.items()}


class Interests(NamedTuple):
    """The stored interests of one subscriber.

    ``values`` lists them by ``Interest.Kind``, oldest first; ``liked_at`` says since when each
    paper among the likes is one.
    """

    values: dict[str, list[str]]
    liked_at: dict[str, datetime]


def of(subscriber: Subscriber) -> Choices:
    """Return everything that this subscriber has chosen, each list oldest first."""
    return of_many([subscriber])[subscriber.pk]


def of_many(subscribers: Iterable[Subscriber]) -> dict[int, Choices]:
    """Return the choices of several subscribers by their primary keys."""
    people = list(subscribers)
    interests = interests_of(people)
    return {
        person.pk: cast(
            Choices,
            {name: getattr(person, name) for name in SETTINGS}
            | {key: interests[person.pk].values[kind] for key, kind in LISTS.items()},
        )
        for person in people
    }


def interests_of(subscribers: Iterable[Subscriber]) -> dict[int, Interests]:
    """Return the stored interests of several subscribers by their primary keys.

    It takes one query however many they are.
    """
    people = list(subscribers)
    found = {person.pk: Interests({kind: [] for kind in KEYS}, {}) for person in people}
    stored = Interest.objects.filter(subscriber__in=people).order_by("pk")
    for owner, kind, value, created_at in stored.values_list(
        "subscriber_id", "kind", "value", "created_at"
    ):
        values, liked_at = found[owner]
        values[kind].append(value)
        if kind == Interest.Kind.LIKE:
            liked_at[value] = created_at
    return found


def lock(subscriber: Subscriber) -> None:
    """Make other changes of this subscriber wait until the transaction ends.

    Raises:
        ErasedTokenError: The subscriber was erased meanwhile.
    """
    if not Subscriber.objects.select_for_update().filter(pk=subscriber.pk).exists():
        raise ErasedTokenError


def store(subscriber: Subscriber, choices: Choices) -> None:
    """Store these choices; keys that are missing stay as they are."""
    changed = [name for name in SETTINGS if name in choices]
    for name in changed:
        setattr(subscriber, name, choices[name])
    subscriber.save(update_fields=changed)
    for key, kind in LISTS.items():
        if key in choices:
            _replace(subscriber, kind, choices[key])  # type: ignore[literal-required]


def _replace(subscriber: Subscriber, kind: str, values: list[str]) -> None:
    """Add and delete rows to match the values; kept rows keep their age, which ranking uses."""
    rows = Interest.objects.filter(subscriber=subscriber, kind=kind)
    rows.exclude(value__in=values).delete()
    Interest.objects.bulk_create(
        [Interest(subscriber=subscriber, kind=kind, value=value) for value in values],
        ignore_conflicts=True,
    )
