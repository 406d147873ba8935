"""The interests of subscribers as profiles for the ranking."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from django.conf import settings

from newsletter.models import Interest, Subscriber
from newsletter.subscriptions import preferences
from newsletter.subscriptions.preferences import Interests
from papers.recommend.profile import Profile

SECONDS_A_DAY: Final = 86_400
Kind = Interest.Kind


def profiles_of(people: Collection[Subscriber], at: datetime) -> dict[int, Profile]:
    """Return the profiles of these subscribers by their primary keys; likes age until ``at``."""
    interests = preferences.interests_of(people)
    return {pk: _profile(stored, at) for pk, stored in interests.items()}


def _profile(interests: Interests, at: datetime) -> Profile:
    values = interests.values
    return Profile(
        topics=values[Kind.TOPIC],
        texts=values[Kind.TEXT],
        likes=values[Kind.LIKE],
        dislikes=values[Kind.DISLIKE],
        authors=values[Kind.AUTHOR],
        muted=values[Kind.MUTE],
        names=values[Kind.NAME],
        ignored=values[Kind.IGNORE],
        ages={
            paper: max(0.0, (at - since).total_seconds() / SECONDS_A_DAY)
            for paper, since in interests.liked_at.items()
        },
        half_life=settings.LIKE_HALF_LIFE_DAYS,
    )
