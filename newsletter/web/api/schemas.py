"""The shapes of the API's answers."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from ninja import Schema

from papers.models import Paper
from papers.text.links import link


class PaperOut(Schema):
    """One paper."""

    id: str
    title: str
    abstract: str
    summary: str
    summary_source: str
    authors: list[str]
    published: datetime
    announced: datetime
    updated: datetime | None
    categories: list[str]
    keywords: list[str]
    url: str
    pdf_url: str
    code_url: str
    page_url: str
    doi: str
    withdrawn: bool
    trending: float
    picked: bool

    @classmethod
    def of(cls, paper: Paper, at: datetime) -> PaperOut:
        """Return a row of the catalogue as the API shows it."""
        return cls(
            id=paper.canonical_id,
            title=paper.title,
            abstract=paper.abstract,
            summary=paper.summary,
            summary_source=paper.summary_source,
            authors=list(paper.authors),
            published=paper.published_at or paper.announced_at,
            announced=paper.announced_at,
            updated=paper.revised_at,
            categories=list(paper.categories),
            keywords=list(paper.keywords),
            url=link(paper.url),
            pdf_url=link(paper.pdf_url),
            code_url=link(paper.code_url),
            page_url=f"{settings.SITE_URL}{paper.get_absolute_url()}",
            doi=paper.doi,
            withdrawn=paper.withdrawn,
            trending=paper.trending,
            picked=paper.is_picked(at),
        )


class RankedPaperOut(PaperOut):
    """One paper of a ranked list, with its rank and the reason for it."""

    rank: int
    reason: str


class PapersOut(Schema):
    """A page of papers; ``count`` is the number in all pages that can be asked for."""

    count: int
    papers: list[PaperOut]


class RankedPapersOut(Schema):
    """A page of a ranked list; ``count`` is the number in all pages."""

    count: int
    papers: list[RankedPaperOut]


class ErrorOut(Schema):
    """What was wrong, in one sentence."""

    detail: str


class SuggestionsOut(Schema):
    """Lines that may be put into a list of choices."""

    suggestions: list[str]
