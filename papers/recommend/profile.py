"""What one reader asked for, in the ranking's terms. Free of Django and of I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

HALF_LIFE_DAYS: Final = 90.0
"""After so many days a like weighs half as much as a new one, unless a profile says otherwise."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What one reader asked for. Papers are named by their ids.

    ``ages`` holds, for liked papers, the days since the like; a like without an age is new.
    ``half_life`` is in days. ``names`` are the names that the reader publishes under.
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

    @property
    def only_searches(self) -> bool:
        """Whether the reader searches and asks for nothing else."""
        return bool(self.texts) and not (self.likes or self.topics or self.authors)

    @property
    def asks(self) -> bool:
        """Whether the reader asked for anything."""
        return bool(self.texts or self.topics or self.likes or self.authors)
