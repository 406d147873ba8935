"""Parsing of searches: words, phrases in quotes, and what is excluded.

Free of Django and of I/O.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from papers.recommend.abbreviations import Stems
from papers.recommend.tokenize import stem, strip_accents, words

MOST_NEIGHBOUR_DISTANCE: Final = 15
"""Positions in the search from which on two of its words are no neighbours."""
EXCLUDED: Final = re.compile(
    r"(?:(?<=\s)|^)(?:-(?=[\w\"“])|(?:not|without|except|excluding)\s+(?:the\s+|any\s+)?)"
    r"(\"[^\"]+\"|“[^”]+”|[\w-]+)",
    re.IGNORECASE,
)
QUOTED: Final = re.compile(r"\"([^\"]+)\"|“([^”]+)”")
TOKEN: Final = re.compile(r"\b[A-Za-z]-[A-Za-z]+|[A-Za-z0-9]+(?:'[a-z]+)?|[,;|]")
"""A word, two with a hyphen of which the first is one letter (x-ray), or a separator."""


class Word(NamedTuple):
    """One word of a search: as typed, its stem (both stems of *x-ray*), and its position."""

    typed: str
    stem: str
    position: int

    @property
    def is_name(self) -> bool:
        """Whether it is spelled like an abbreviation or a name: LLM, ImageNet, 3D."""
        capitals = sum(letter.isupper() for letter in self.typed)
        return capitals > 1 or (capitals > 0 and any(c.isdigit() for c in self.typed))


@dataclass(frozen=True, slots=True)
class Parsed:
    """A parsed search: words, phrases in quotes, and excluded words or phrases."""

    words: tuple[Word, ...]
    phrases: tuple[Stems, ...]
    excluded: tuple[str, ...]


def parse(text: str) -> Parsed:
    """Parse a search; ``-word``, ``not word`` and ``without word`` exclude."""
    text = strip_accents(text)
    excluded = tuple(found.group(1).strip('"“”') for found in EXCLUDED.finditer(text))
    text = EXCLUDED.sub(" | ", text)
    phrases = tuple(stems_of(one or other) for one, other in QUOTED.findall(text))
    found, position = [], 0
    for part in TOKEN.findall(QUOTED.sub(" | ", text)):
        position += 1
        if part in ",;|":
            position += MOST_NEIGHBOUR_DISTANCE
        elif one := " ".join(stems_of(part)):
            found.append(Word(part, one, position))
    return Parsed(tuple(found), tuple(filter(None, phrases)), excluded)


def stems_of(text: str) -> Stems:
    """Return the stems of a text without its stop words."""
    return tuple(filter(None, map(stem, words(text))))
