"""Profile of a reader, as the ranking reads it. Free of Django and of I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

HALF_LIFE_DAYS: Final = 90.0
"""Days in which the weight of a like halves, unless a profile says otherwise."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The choices of one reader.

    Attributes:
        topics: Categories or archives.
        texts: Searches.
        likes: Ids of liked papers.
        dislikes: Ids of disliked papers.
        authors: Followed authors.
        muted: Muted words, phrases and authors.
        ages: Days since the like, by id; a like without an age is new.
        half_life: Days in which the weight of a like halves.
        names: Names that the reader publishes under.
        ignored: Words of the likes that count for nothing.
    """

    topics: Sequence[str] = ()
    texts: Sequence[str] = ()
    likes: Sequence[str] = ()
    dislikes: Sequence[str] = ()
    authors: Sequence[str] = ()
    muted: Sequence[str] = ()
    ages: Mapping[str, float] = field(default_factory=dict)
    half_life: float = HALF_LIFE_DAYS
    names: Sequence[str] = ()
    ignored: Sequence[str] = ()

    @property
    def only_searches(self) -> bool:
        """Whether the profile has searches and no other interests."""
        return bool(self.texts) and not (self.likes or self.topics or self.authors)

    @property
    def asks(self) -> bool:
        """Whether the profile has any interest."""
        return bool(self.texts or self.topics or self.likes or self.authors)
