"""Spellings near a word that finds nothing, from the words of the newest papers."""

from __future__ import annotations

import difflib
import time
from collections import Counter, defaultdict
from threading import Lock
from typing import Final

from papers.models import Paper
from papers.search import Query
from papers.search_index import words_of

PAPERS: Final = 5000
KEPT_SECONDS: Final = 3600.0
SUGGESTIONS: Final = 3
SIMILARITY: Final = 0.75
SHORTEST: Final = 4

_lock = Lock()
_kept: tuple[float, dict[str, Counter[str]]] = (0.0, {})


def nearest(query: Query) -> list[str]:
    """Return queries in which one word is replaced by a similar one that papers hold."""
    vocabulary = _vocabulary()
    found: list[str] = []
    for word in words_of(query.text):
        if len(word) < SHORTEST or word in vocabulary.get(word[0], ()):
            continue
        known = [other for other in vocabulary.get(word[0], ()) if abs(len(other) - len(word)) <= 2]
        for other in difflib.get_close_matches(word, known, SUGGESTIONS, SIMILARITY):
            words = [other if one == word else one for one in words_of(query.text)]
            found.append(" ".join(words))
    return list(dict.fromkeys(found))[:SUGGESTIONS]


def _vocabulary() -> dict[str, Counter[str]]:
    """Return the words of titles, keywords and authors by their first letter, kept for an hour."""
    global _kept  # noqa: PLW0603 - one value for the process
    with _lock:
        made_at, vocabulary = _kept
        if vocabulary and time.monotonic() - made_at < KEPT_SECONDS:
            return vocabulary
        grouped: dict[str, Counter[str]] = defaultdict(Counter)
        newest = Paper.objects.filter(hidden=False).order_by("-pk")[:PAPERS]
        for title, authors, keywords in newest.values_list("title", "authors", "keywords"):
            for word in words_of(" ".join([title, *authors, *keywords])):
                if len(word) >= SHORTEST:
                    grouped[word[0]][word] += 1
        _kept = (time.monotonic(), dict(grouped))
        return _kept[1]
