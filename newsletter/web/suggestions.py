"""What the catalogue has to suggest to somebody who types into a list of choices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from newsletter.digests import preview
from newsletter.digests.run_papers import RunPapers
from papers import search
from papers.models import Paper
from papers.recommend.shared_phrases import phrases
from papers.recommend.suggestions import NameSuggestions
from papers.search_index import words_of

MOST: Final = 8
CONSIDERED: Final = 200
"""Papers whose titles are read."""
LEAST_LETTERS: Final = 3
LEAST_PAPERS: Final = 2
"""Papers that must name a subject for it to be suggested."""


def papers(typed: str) -> list[str]:
    """Return titles of papers that hold all typed words, the last one perhaps unfinished.

    Papers that hold them in the title come first.
    """
    text = typed.strip()
    if len(text) < LEAST_LETTERS:
        return []
    finished, _, last = text.rpartition(" ")
    if len(last) < search.SHORTEST_PREFIX:
        text = finished
    elif last[-1].isalnum():
        text = f"{text}*"
    found = search.find(search.read(text)).ids[:CONSIDERED]
    titles = dict(Paper.objects.filter(pk__in=found).values_list("pk", "title"))
    typed_words = words_of(typed)
    known = (key for key in found if key in titles)
    ranked = sorted(known, key=lambda key: not _begin_words(typed_words, titles[key]))
    # A line of a list ends with a semicolon, too.
    return [titles[key].replace(";", ",") for key in ranked[:MOST]]


def _begin_words(beginnings: Iterable[str], title: str) -> bool:
    """Return whether each of these begins a word of the title."""
    words = words_of(title)
    return all(any(word.startswith(one) for word in words) for one in beginnings)


def authors(typed: str) -> list[str]:
    """Return authors of recent papers whose name begins so."""
    return _authors(preview.kept_papers()).matching(typed, MOST) if preview.are_ready() else []


def subjects(typed: str) -> list[str]:
    """Return subjects of recent papers: keywords of sources, and phrases of titles."""
    return _subjects(preview.kept_papers()).matching(typed, MOST) if preview.are_ready() else []


@lru_cache(maxsize=1)
def _authors(library: RunPapers) -> NameSuggestions:
    candidates = library.index.candidates
    return NameSuggestions(author for paper in candidates for author in paper.authors)


@lru_cache(maxsize=1)
def _subjects(library: RunPapers) -> NameSuggestions:
    return NameSuggestions(_named_subjects(library), LEAST_PAPERS)


def _named_subjects(library: RunPapers) -> Iterator[str]:
    recent = Paper.objects.filter(announced_at__gte=library.first_seen).exclude(keywords=[])
    for keywords in recent.values_list("keywords", flat=True):
        yield from {str(keyword).lower() for keyword in keywords}
    for paper in library.index.candidates:
        yield from map(str.lower, phrases(paper.title).values())
