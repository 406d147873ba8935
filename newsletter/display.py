"""What mail and web show of a paper alike: byline, summary and links."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final, NamedTuple

from django.db.models.functions import Coalesce

from papers.models import Edition, Paper
from papers.text.clean import shortened as shortened  # noqa: PLC0414 - mail reads it from here
from papers.text.links import link
from papers.text.markdown import to_html, to_text
from papers.text.scripts import Piece, pieces

BYLINE_HEAD: Final = 3
URL_LIMIT: Final = 500
SENTENCE_END: Final = re.compile(r"[.!?][\"'”’)\]]?\s+(?=[“\"(\[]?[A-Z0-9])")
EXCERPT: Final = range(180, 420)
"""Characters of an abstract that everybody sees: at least, at most."""
ARXIV: Final = re.compile(r"https?://([\w-]+\.)?arxiv\.org/", re.IGNORECASE)
ARXIV_ABSTRACT: Final = re.compile(
    r"https?://(?:www\.)?arxiv\.org/abs/(?P<id>\d{4}\.\d{4,5}(?:v\d+)?)", re.IGNORECASE
)
LETTER_LASTS: Final = timedelta(days=7)
_SERIF: Final = "font-family:Charter,Georgia,'Times New Roman',serif;font-size:17px;line-height:1.5"
LETTER_STYLES: Final[Mapping[str, Mapping[str, str]]] = {
    "p": {"class": "ink", "style": f"margin:0 0 12px;{_SERIF};color:#1d1b18"},
    "heading": {
        "class": "ink",
        "style": f"margin:0 0 6px;{_SERIF};font-weight:700;color:#1d1b18",
    },
    "li": {"class": "ink", "style": f"margin:0 0 4px;{_SERIF};color:#1d1b18"},
    "ul": {"style": "margin:0 0 12px;padding-left:24px"},
    "ol": {"style": "margin:0 0 12px;padding-left:24px"},
    "a": {"class": "accent", "style": "color:#a8281c"},
    "blockquote": {
        "class": "rule",
        "style": "margin:0 0 12px;padding-left:12px;border-left:3px solid #d8d0c0",
    },
    "hr": {"class": "rule", "style": "border:0;border-top:1px solid #d8d0c0"},
}
"""Inline styles, by the tag of Markdown's HTML, for mail programs that drop style sheets."""
HUGGING_FACE: Final = Paper.SummarySource.HUGGING_FACE


class Link(NamedTuple):
    """A way to the paper, with the word to click on."""

    label: str
    url: str


class Excerpt(NamedTuple):
    """An abstract in two parts: what everybody sees, and what follows on request."""

    lead: str
    rest: str


class Summary(NamedTuple):
    """The line under a title, whose words it is where not the authors', and the whole abstract.

    ``abstract`` is empty where the line says all of it.
    """

    line: str
    credit: str
    abstract: str


def byline(authors: Sequence[str]) -> str:
    """Return all authors, or the first three, the last and their number."""
    if len(authors) <= BYLINE_HEAD + 1:
        return ", ".join(authors)
    head = ", ".join(authors[:BYLINE_HEAD])
    return f"{head}, …, {authors[-1]} ({len(authors):,} authors)"


def excerpt(abstract: str) -> Excerpt:
    """Split an abstract after a sentence of a readable length, else after a word."""
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


def summary(paper: Paper) -> Summary:
    """Return the summary of a paper; without one, the beginning of its abstract."""
    abstract = " ".join(paper.abstract.split())
    if not paper.summary:
        lead, rest = excerpt(abstract)
        return Summary(lead, "", abstract if rest else "")
    credit = "Summary by Hugging Face" if paper.summary_source == HUGGING_FACE else ""
    return Summary(paper.summary, credit, abstract if abstract != paper.summary else "")


def title_pieces(paper: Paper) -> list[Piece]:
    """Return the title of a paper in pieces, with its exponents and indices."""
    return pieces(paper.title, paper.raw_title)


def summary_pieces(paper: Paper) -> list[Piece]:
    """Return the line of a paper's summary in pieces, with its exponents and indices."""
    return pieces(summary(paper).line, paper.raw_abstract)


def abstract_pieces(paper: Paper) -> list[list[Piece]]:
    """Return the paragraphs of the abstract in pieces, with their exponents and indices."""
    paragraphs = re.split(r"\n\s*\n", paper.abstract.strip())
    return [pieces(paragraph, paper.raw_abstract) for paragraph in paragraphs]


def links(paper: Paper) -> list[Link]:
    """Return the links of a paper whose addresses are plain http or https."""
    offered = (
        Link("arXiv" if ARXIV.match(paper.url) else "Source", link(paper.url)),
        Link("PDF", link(paper.pdf_url)),
        Link("Code", link(paper.code_url)),
    )
    return [link for link in offered if link.url]


def page_links(paper: Paper, arxiv: str, *, on_hugging_face: bool) -> list[Link]:
    """Return the links of a paper's own page: those of a list, and where else it is discussed.

    Args:
        paper: The paper.
        arxiv: Its id at arXiv without a version, empty if it is elsewhere.
        on_hugging_face: Whether Hugging Face has listed it.
    """
    found = links(paper)
    if arxiv:
        found.append(Link("HTML", f"https://arxiv.org/html/{arxiv}"))
        if on_hugging_face:
            found.append(Link("Hugging Face", f"https://huggingface.co/papers/{arxiv}"))
        found.append(Link("Semantic Scholar", f"https://www.semanticscholar.org/arxiv/{arxiv}"))
    return found


def html_address(url: str) -> str:
    """Return the address of arXiv's HTML rendering of a paper; empty for other addresses."""
    found = ARXIV_ABSTRACT.fullmatch(url)
    return f"https://arxiv.org/html/{found['id']}" if found else ""


def letter_key(markdown: str) -> str:
    """Return a hash of an editor's letter: 64 bits in hexadecimal digits."""
    return blake2b(markdown.encode(), digest_size=8).hexdigest()


def recent_letters(at: datetime) -> list[tuple[datetime, str]]:
    """Return when the letters of the last week were written, and their Markdown, newest first."""
    written = Coalesce("letter_at", "created_at")
    found = Edition.objects.exclude(letter="").annotate(written=written)
    recent = found.filter(written__gt=at - LETTER_LASTS, written__lte=at).order_by("-written")
    return [
        (moment, letter)
        for moment, letter in recent.values_list("written", "letter")
        if letter.strip()
    ]


def letter_html(markdown: str) -> str:
    """Return an editor's letter as safe HTML for a mail and a page."""
    return to_html(markdown, LETTER_STYLES)


def letter_text(markdown: str) -> str:
    """Return an editor's letter as plain text."""
    return to_text(markdown)
