"""Finding papers by words, on SQLite and PostgreSQL alike.

Every word must occur in the title, the abstract, the authors or the keywords; where it occurs
decides the order. Words are cut to their stem first, so that "transformers" finds "transformer".
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

from django.db.models import Case, Q, QuerySet, TextField, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast
from snowballstemmer import stemmer

from papers.models import Paper
from papers.text.identifiers import arxiv_id

MAX_LENGTH: Final = 200
MAX_WORDS: Final = 8
SHORTEST_STEMMED: Final = 5
WEIGHTS: Final = {"title": 8, "people": 6, "terms": 3, "abstract": 1}


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked for, reduced to what is looked for.

    ``words`` are stems in lower case, at most MAX_WORDS; ``shortened`` tells that something
    was left out; ``identifier`` is the arXiv id that the text is, without its version.
    """

    text: str
    words: tuple[str, ...]
    identifier: str
    shortened: bool

    def __bool__(self) -> bool:
        return bool(self.words)


def read(typed: str) -> Query:
    """The query in what a person typed: any length, any characters."""
    printable = "".join(character if character.isprintable() else " " for character in typed)
    text = " ".join(printable.split())
    kept = text[:MAX_LENGTH].strip()
    named = arxiv_id(kept)
    words = list(dict.fromkeys(_stem(word) for word in re.findall(r"[^\W_]+", kept.lower())))
    return Query(
        text=kept,
        words=tuple(words[:MAX_WORDS]),
        identifier=named.id if named else "",
        shortened=len(text) > MAX_LENGTH or len(words) > MAX_WORDS,
    )


def _stem(word: str) -> str:
    """The stem, where looking for it still finds the word itself."""
    if len(word) < SHORTEST_STEMMED or not word.isascii():
        return word
    stem = str(stemmer("english").stemWord(word))
    return stem if word.startswith(stem) else word


def find(query: Query) -> QuerySet[Paper]:
    """The papers that hold every word of the query, best first. Hidden ones never."""
    papers = Paper.objects.filter(hidden=False).alias(
        people=Cast("authors", TextField()), terms=Cast("keywords", TextField())
    )
    matches = Q()
    score: Combinable = Value(0)
    for word in query.words:
        anywhere = Q()
        for field, weight in WEIGHTS.items():
            here = _holds(field, word)
            anywhere |= here
            score += Case(When(here, then=Value(weight)), default=Value(0))
        matches &= anywhere
    named = Q(canonical_id=query.identifier) if query.identifier else Q(pk__in=[])
    score += Case(When(named, then=Value(1000)), default=Value(0))
    score += Case(When(title__icontains=query.text, then=Value(10)), default=Value(0))
    return (
        papers.filter(matches | named)
        .alias(relevance=score)
        .order_by("-relevance", "-trending", "-announced_at", "canonical_id")
    )


def _holds(field: str, word: str) -> Q:
    """The field holds the word, as written or as JSON escapes it.

    SQLite folds the case of ASCII letters only, and keeps JSON with every other letter escaped.
    """
    spellings = {word} if word.isascii() else {word, word.capitalize(), word.upper()}
    if field in {"people", "terms"}:
        spellings |= {json.dumps(spelling)[1:-1] for spelling in spellings}
    condition = Q()
    for spelling in sorted(spellings):
        condition |= Q(**{f"{field}__icontains": spelling})
    return condition
