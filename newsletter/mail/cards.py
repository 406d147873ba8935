"""What one paper looks like in a mail: computed once per run, shared by every reader.

Titles and abstracts come from strangers. Whatever the catalogue did, they are cleaned here again
and get an upper length; the template engine escapes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import cached_property
from hashlib import blake2b
from typing import Any, Final
from unicodedata import is_normalized

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.timezone import now

from newsletter import display
from newsletter.display import Link, web_address
from newsletter.mail.mime import Print, printed
from papers.models import Paper
from papers.text.clean import line

TITLE_LIMIT: Final = 300
BYLINE_LIMIT: Final = 400
NOTE_LIMIT: Final = 600


@dataclass(frozen=True)
class Card:
    """One paper, ready to print: strings are clean, short and unescaped.

    ``paper`` is the canonical id, ``url`` where the title leads, ``html`` and ``text`` the
    rendered part of an item that is the same for everybody, as the bytes that a mail carries.
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

    @cached_property
    def html(self) -> Print:
        return printed(render_to_string("emails/card.html", {"card": self}))

    @cached_property
    def text(self) -> Print:
        return printed(render_to_string("emails/card.txt", {"card": self}, using="text").strip())

    @property
    def content(self) -> dict[str, Any]:
        """All of it as JSON."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @cached_property
    def key(self) -> str:
        """A hash of the content: 64 bits in hexadecimal digits."""
        written = json.dumps(self.content, sort_keys=True)
        return blake2b(written.encode(), digest_size=8).hexdigest()

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Card:
        """The card whose content that was."""
        links = tuple(Link(*link) for link in content["links"])
        return cls(**{**content, "links": links})

    def shortened(self, width: int) -> Card:
        """The same card with at most so many characters of the abstract."""
        return replace(self, excerpt=shorten(self.excerpt, width) if width else "")


def card(paper: Paper) -> Card:
    """The card of a paper as of now. Reads nothing but the row itself."""
    page = f"{settings.SITE_URL}{paper.get_absolute_url()}"
    url, pdf, code = map(web_address, (paper.url, paper.pdf_url, paper.code_url))
    offered = (Link("Paper page", page), Link("PDF", pdf), Link("Code", code))
    return Card(
        paper=paper.canonical_id,
        title=shorten(_line(paper.title), TITLE_LIMIT),
        authors=shorten(_line(display.byline(paper.authors)), BYLINE_LIMIT),
        date=day(paper.announced_at),
        category=_line(paper.primary_category),
        excerpt=display.excerpt(_line(paper.abstract)).lead,
        note=shorten(line(paper.editor_note), NOTE_LIMIT) if paper.is_picked(now()) else "",
        url=url or page,
        links=tuple(link for link in offered if link.url),
    )


def _line(text: str) -> str:
    """One line of clean text; what was read from a source is clean but for its line breaks."""
    joined = " ".join(text.split())
    clean = joined.isprintable() and is_normalized("NFC", joined)
    return joined if clean else line(joined)


def shorten(text: str, width: int) -> str:
    """At most ``width`` characters, cut at a word where there is one, with an ellipsis."""
    if len(text) <= width:
        return text
    cut = text.rfind(" ", width // 2, width)
    return text[: cut if cut > 0 else width - 1].rstrip(" ,;:.-–—(") + "…"


def day(moment: datetime) -> str:
    """A date as people write it: 7 Mar 2025."""
    return f"{moment.day} {moment:%b %Y}"
