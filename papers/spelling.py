"""Spellings near a word that finds nothing, from the words of the newest papers."""

from __future__ import annotations

import difflib
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from threading import Lock
from typing import Final

from papers.models import Paper
from papers.search import Query, Term
from papers.search_index import words_of

PAPERS: Final = 5000
KEPT_SECONDS: Final = 3600.0
SUGGESTIONS: Final = 3
SIMILARITY: Final = 0.75
SHORTEST: Final = 4

_lock = Lock()
_kept: tuple[float, dict[str, Counter[str]]] = (0.0, {})


def nearest(query: Query) -> list[str]:
    """Return queries in which words that no paper holds are replaced by similar ones.

    What is to be left out, beginnings and fields stay as they are.
    """
    vocabulary = _vocabulary()
    similar: dict[str, list[str]] = {}
    for term in query.terms:
        for word in () if term.negated or term.prefix else _words(term):
            if found := _similar(word, vocabulary.get(word[0], {})):
                similar[word] = found
    if not similar:
        return []
    best = {word: found[0] for word, found in similar.items()}
    spellings = [best, *({**best, word: one} for word, found in similar.items() for one in found)]
    texts = [query.with_terms(_respelt(term, one) for term in query.terms) for one in spellings]
    return list(dict.fromkeys(texts))[:SUGGESTIONS]


def _words(term: Term) -> list[str]:
    return words_of(term.typed.partition(":")[2] if term.column else term.typed)


def _similar(word: str, known: Mapping[str, int]) -> list[str]:
    """Return the known words nearest to one that is not known, best first."""
    if len(word) < SHORTEST or word in known:
        return []
    near = [other for other in known if abs(len(other) - len(word)) <= 2]
    return difflib.get_close_matches(word, near, SUGGESTIONS, SIMILARITY)


def _respelt(term: Term, spelling: Mapping[str, str]) -> str:
    words = _words(term)
    if term.negated or term.prefix or not spelling.keys() & words:
        return term.typed
    text = " ".join(spelling.get(word, word) for word in words)
    text = f'"{text}"' if len(words) > 1 else text
    return f"author:{text}" if term.column else text


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
