"""Suggestions of names while somebody types. Free of Django and of I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from papers.recommend.tokenize import strip_accents


class NameSuggestions:
    """Names to suggest, the most frequent first."""

    def __init__(self, names: Iterable[str], least: int = 1) -> None:
        """Count the names; those with fewer than ``least`` are left out."""
        counts = Counter(names)
        ordered = sorted(
            (name for name, count in counts.items() if count >= least),
            key=lambda name: (-counts[name], name),
        )
        self._names = [(f" {_folded(name)}", name) for name in ordered]

    def matching(self, typed: str, most: int) -> list[str]:
        """Return the first names in which every typed word is the beginning of a word."""
        words = [f" {word}" for word in _folded(typed).split()]
        found: list[str] = []
        for folded, name in self._names if words else ():
            if all(word in folded for word in words):
                found.append(name)
                if len(found) == most:
                    break
        return found


def _folded(text: str) -> str:
    """Return a text without case and accents, its hyphens as spaces."""
    return " ".join(strip_accents(text).lower().replace("-", " ").split())
