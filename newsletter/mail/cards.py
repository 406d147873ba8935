"""How one paper looks in a mail: computed once per run, shared by all readers.

Titles and abstracts come from strangers. They are cleaned here again, whatever the catalogue did,
and cut to an upper length; the template engine escapes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from functools import cached_property, lru_cache
from hashlib import blake2b
from typing import Any, Final
from unicodedata import is_normalized

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.timezone import now

from newsletter import display
from newsletter.display import Link
from newsletter.mail.mime import EncodedText, encode_text
from papers.models import Paper
from papers.text.clean import line, shortened
from papers.text.links import link
from papers.text.scripts import Piece, in_unicode, pieces

# Characters.
TITLE_LIMIT: Final = 300
BYLINE_LIMIT: Final = 400
NOTE_LIMIT: Final = 600
SUMMARY_LIMIT: Final = 600


@dataclass(frozen=True)
class Card:
    """One paper, ready to be rendered: strings are clean, short and unescaped.

    ``excerpt`` is the summary, ``credit`` names its author where the paper's authors are not,
    ``paper`` is the canonical id, ``url`` the target of the title, ``html`` and ``text`` the
    rendered part of an item that is the same for every reader, as the bytes of a message body.

    ``title_pieces`` and ``excerpt_pieces`` are the same texts with their exponents and indices,
    empty where there are none.
    """

    paper: str
    title: str
    authors: str
    date: str
    category: str
    excerpt: str
    note: str
    url: str
    links: tuple[Link, ...]
    credit: str = ""
    title_pieces: tuple[Piece, ...] = ()
    excerpt_pieces: tuple[Piece, ...] = ()

    @cached_property
    def html(self) -> EncodedText:
        """The card as HTML."""
        return encode_text(render_to_string("emails/card.html", {"card": self, "lead": False}))

    @cached_property
    def lead_html(self) -> EncodedText:
        """The card as HTML in larger type, for the first paper of a mail."""
        return encode_text(render_to_string("emails/card.html", {"card": self, "lead": True}))

    @cached_property
    def links_html(self) -> EncodedText:
        """The links of the card as HTML."""
        return encode_text(render_to_string("emails/links.html", {"card": self}).strip())

    @cached_property
    def text(self) -> EncodedText:
        """The card as plain text."""
        written = render_to_string("emails/card.txt", {"card": self}, using="text")
        return encode_text(written.strip())

    @cached_property
    def title_text(self) -> str:
        """The title with Unicode's raised and lowered signs."""
        return in_unicode(self.title_pieces) or self.title

    @property
    def excerpt_text(self) -> str:
        """The excerpt with Unicode's raised and lowered signs."""
        return in_unicode(self.excerpt_pieces) or self.excerpt

    @property
    def content(self) -> dict[str, Any]:
        """All fields, as JSON."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @cached_property
    def key(self) -> str:
        """A hash of the content: 64 bits in hexadecimal digits."""
        written = json.dumps(self.content, sort_keys=True)
        return blake2b(written.encode(), digest_size=8).hexdigest()

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> Card:
        """Return the card with this ``content``."""
        links = tuple(Link(*link) for link in content["links"])
        stored = {
            name: tuple(Piece(*piece) for piece in content.get(name, ()))
            for name in ("title_pieces", "excerpt_pieces")
        }
        return cls(**{**content, **stored, "links": links})

    def shortened(self, width: int) -> Card:
        """Return the same card with at most ``width`` characters of the abstract."""
        excerpt = shortened(self.excerpt, width) if width else ""
        credit = self.credit if excerpt else ""
        return replace(self, excerpt=excerpt, excerpt_pieces=(), credit=credit)


def card_of(paper: Paper) -> Card:
    """Return the card of a paper as of now, from its row alone."""
    page = f"{settings.SITE_URL}{paper.get_absolute_url()}"
    url, pdf, code = map(link, (paper.url, paper.pdf_url, paper.code_url))
    summary = display.summary(paper)
    title = shortened(clean_line(paper.title), TITLE_LIMIT)
    excerpt = shortened(clean_line(summary.line), SUMMARY_LIMIT)
    offered = (
        Link("Paper page", page),
        Link("PDF", pdf),
        Link("HTML", display.html_address(paper.url)),
        Link("Code", code),
    )
    return Card(
        paper=paper.canonical_id,
        title=title,
        authors=shortened(clean_line(display.byline(paper.authors)), BYLINE_LIMIT),
        date=day(paper.announced_at),
        category=clean_line(paper.primary_category),
        excerpt=excerpt,
        note=shortened(clean_line(paper.editor_note), NOTE_LIMIT) if paper.is_picked(now()) else "",
        url=url or page,
        links=tuple(link for link in offered if link.url),
        credit=summary.credit,
        title_pieces=_pieces(title, paper.raw_title),
        excerpt_pieces=_pieces(excerpt, paper.raw_abstract),
    )


def _pieces(shown: str, raw: str) -> tuple[Piece, ...]:
    """Return a text in pieces; none where it has no exponent or index."""
    found = tuple(pieces(shown, raw))
    return found if any(piece.level for piece in found) else ()


def clean_line(text: str) -> str:
    """Return one line without control characters (``papers.text.clean.line``), in NFC."""
    joined = " ".join(text.split())
    clean = joined.isprintable() and is_normalized("NFC", joined)
    return joined if clean else line(joined)


def day(moment: datetime) -> str:
    """Return a date as people write it: 7 Mar 2025."""
    return _day(moment.date())


@lru_cache(maxsize=2048)
def _day(date: date) -> str:
    return f"{date.day} {date:%b %Y}"
