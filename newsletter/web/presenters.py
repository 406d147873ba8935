"""A paper as a page shows it: where it stands, why, by whom, and how it begins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from django.db.models import Q
from django.utils.timezone import now

from papers.models import Edition, Paper, picked
from papers.trending import reasons

BYLINE_HEAD: Final = 3
URL_LIMIT: Final = 500
SENTENCE_END: Final = re.compile(r"[.!?][\"'”’)\]]?\s+(?=[“\"(\[]?[A-Z0-9])")
EXCERPT: Final = range(180, 420)
"""Characters of an abstract that everybody sees: at least, at most."""
LISTED: Final = 100
"""Papers shown of a day without an edition."""
PICKS: Final = 3
ARXIV: Final = re.compile(r"https?://([\w-]+\.)?arxiv\.org/", re.IGNORECASE)


class Link(NamedTuple):
    """A way to the paper, with the word to click on."""

    label: str
    url: str


class Excerpt(NamedTuple):
    """An abstract in two parts: what everybody sees, and what follows on request."""

    lead: str
    rest: str


@dataclass(frozen=True, slots=True)
class Story:
    """One paper on a page as of a moment. ``rank`` is 0 where the order means nothing."""

    paper: Paper
    rank: int = 0
    reason: str = ""
    at: datetime = field(default_factory=now)

    @property
    def picked(self) -> bool:
        """Whether the editor's pick was in force."""
        return self.paper.is_picked(self.at)

    @property
    def note(self) -> str:
        """What the editor says of a pick."""
        return self.paper.editor_note if self.picked else ""

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
    """Everybody, or the first three, the last and how many there are."""
    if len(authors) <= BYLINE_HEAD + 1:
        return ", ".join(authors)
    head = ", ".join(authors[:BYLINE_HEAD])
    return f"{head}, …, {authors[-1]} ({len(authors):,} authors)"


def excerpt(abstract: str) -> Excerpt:
    """The abstract cut after a sentence near the length that a reader skims, or at a word."""
    text = " ".join(abstract.split())
    if len(text) <= EXCERPT.stop:
        return Excerpt(text, "")
    sentences = SENTENCE_END.finditer(text, EXCERPT.start, EXCERPT.stop)
    starts = [match.end() for match in sentences]
    if starts:
        return Excerpt(text[: starts[-1]].rstrip(), text[starts[-1] :])
    cut = text.rfind(" ", EXCERPT.start, EXCERPT.stop)
    cut = cut if cut > 0 else EXCERPT.stop - 1
    return Excerpt(f"{text[:cut]}…", f"…{text[cut:]}")


def links(paper: Paper) -> list[Link]:
    """Where the paper can be read, leaving out every address that is not plain web."""
    offered = (
        Link("arXiv" if ARXIV.match(paper.url) else "Source", web_address(paper.url)),
        Link("PDF", web_address(paper.pdf_url)),
        Link("Code", web_address(paper.code_url)),
    )
    return [link for link in offered if link.url]


def web_address(url: str) -> str:
    """The address itself when it is plain web and of sane length, otherwise nothing."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    sane = parts.scheme in {"http", "https"} and parts.hostname and len(url) <= URL_LIMIT
    return url if sane and url.isprintable() and " " not in url else ""


def of_edition(
    edition: Edition, *, at: datetime | None = None, limit: int | None = None
) -> list[Story]:
    """The stories of a day in the order they were shown, without papers hidden since.

    As of its end (UTC), or of a moment.
    """
    entries: list[Mapping[str, Any]] = edition.entries[:limit]
    papers = _shown([entry["paper"] for entry in entries])
    as_of = at or min(now(), datetime.combine(edition.day, time.max, UTC))
    return [
        Story(papers[entry["paper"]], rank, entry.get("reason", ""), as_of)
        for rank, entry in enumerate(entries, start=1)
        if entry["paper"] in papers
    ]


def of_day(day: date) -> list[Story]:
    """What was listed on a day (UTC) that had no edition, in the order in which it was read."""
    begin, end = (datetime.combine(day, bound, UTC) for bound in (time.min, time.max))
    listed = Paper.objects.filter(announced_at__range=(begin, end), hidden=False)
    return [Story(paper, rank) for rank, paper in enumerate(listed.order_by("pk")[:LISTED], 1)]


def _shown(ids: Sequence[str]) -> dict[str, Paper]:
    """The papers by the ids that they had when they were shown."""
    found = Paper.objects.filter(Q(canonical_id__in=ids) | Q(former_id__in=ids), hidden=False)
    papers = {paper.former_id: paper for paper in found if paper.former_id}
    return papers | {paper.canonical_id: paper for paper in found}


def picks(at: datetime, *, beside: Iterable[Story]) -> list[Story]:
    """What the editor chose lately and does not stand on the page already, newest first."""
    present = [story.paper.pk for story in beside]
    chosen = Paper.objects.filter(picked(at), hidden=False)
    newest = chosen.exclude(pk__in=present).order_by("-picked_at", "canonical_id")
    return [Story(paper, at=at) for paper in newest[:PICKS]]


def by_trending(limit: int) -> list[Story]:
    """What trends now, for a site that has papers but has not printed an edition yet."""
    papers = Paper.objects.filter(hidden=False, withdrawn=False)[:limit]
    return [
        Story(paper, rank, reasons.reason(paper.trending_parts))
        for rank, paper in enumerate(papers, start=1)
    ]
