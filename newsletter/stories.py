"""A paper as a page shows it: where it stands, why, by whom, and how it begins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from papers import trending
from papers.models import Edition, Paper

BYLINE_HEAD: Final = 3
EXCERPT: Final = range(180, 420)
SENTENCE_END: Final = re.compile(r"[.!?][\"'”’)\]]?\s+(?=[“\"(\[]?[A-Z0-9])")
WEB: Final = re.compile(r"https?://[^\s/]", re.IGNORECASE)
ARXIV: Final = re.compile(r"https?://([\w-]+\.)?arxiv\.org/", re.IGNORECASE)


class Link(NamedTuple):
    """A way out of the site, with the word to click on."""

    name: str
    url: str


class Excerpt(NamedTuple):
    """An abstract in two parts: what everybody sees, and what follows on request."""

    lead: str
    rest: str


@dataclass(frozen=True, slots=True)
class Story:
    """One paper on a page. ``rank`` is 0 where the order means nothing."""

    paper: Paper
    rank: int = 0
    reason: str = ""

    @property
    def byline(self) -> str:
        return byline(self.paper.authors)

    @property
    def excerpt(self) -> Excerpt:
        return excerpt(self.paper.abstract)

    @property
    def links(self) -> list[Link]:
        return links(self.paper)


def byline(authors: Sequence[str]) -> str:
    """The authors in one line: everybody, or the first three, the last and the count."""
    if len(authors) <= BYLINE_HEAD + 1:
        return ", ".join(authors)
    head = ", ".join(authors[:BYLINE_HEAD])
    return f"{head}, …, {authors[-1]} ({len(authors):,} authors)"


def excerpt(abstract: str) -> Excerpt:
    """The abstract cut after a sentence near the length that a reader skims, or at a word."""
    text = " ".join(abstract.split())
    if len(text) <= EXCERPT.stop:
        return Excerpt(text, "")
    ends = [match.end() for match in SENTENCE_END.finditer(text, EXCERPT.start, EXCERPT.stop)]
    if ends:
        return Excerpt(text[: ends[-1]].rstrip(), text[ends[-1] :])
    cut = text.rfind(" ", EXCERPT.start, EXCERPT.stop)
    cut = cut if cut > 0 else EXCERPT.stop
    return Excerpt(f"{text[:cut]} …", f"… {text[cut:].lstrip()}")


def links(paper: Paper) -> list[Link]:
    """Where the paper can be read, leaving out every address that is not plain web."""
    offered = (
        Link("arXiv" if ARXIV.match(paper.url) else "Source", paper.url),
        Link("PDF", paper.pdf_url),
        Link("Code", paper.code_url),
    )
    return [link for link in offered if WEB.match(link.url)]


def of_edition(edition: Edition, *, limit: int | None = None) -> list[Story]:
    """The stories of a day in the order they were shown, without papers hidden since."""
    entries: list[Mapping[str, Any]] = edition.entries[:limit]
    wanted = [entry["paper"] for entry in entries]
    papers = {paper.canonical_id: paper for paper in _shown(wanted)}
    return [
        Story(papers[entry["paper"]], rank, entry.get("reason", ""))
        for rank, entry in enumerate(entries, start=1)
        if entry["paper"] in papers
    ]


def _shown(canonical_ids: Iterable[str]) -> Iterable[Paper]:
    return Paper.objects.filter(canonical_id__in=canonical_ids, hidden=False)


def by_trending(limit: int) -> list[Story]:
    """What trends now, for a site that has papers but has not printed an edition yet."""
    papers = Paper.objects.filter(hidden=False, withdrawn=False)[:limit]
    return [
        Story(paper, rank, trending.reason(paper.trending_parts))
        for rank, paper in enumerate(papers, start=1)
    ]
