"""Citations of a paper: BibTeX and schema.org."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from django.conf import settings
from django.utils.safestring import SafeString, mark_safe

from newsletter import display
from papers.models import Paper
from papers.search_index import fold
from papers.text.identifiers import arxiv_id

UNSAFE_IN_SCRIPT: Final = {ord("<"): "\\u003C", ord(">"): "\\u003E", ord("&"): "\\u0026"}
ESCAPES: Final = str.maketrans(
    {sign: f"\\{sign}" for sign in "&%$#_"} | {"{": r"\{", "}": r"\}", "\\": r"\textbackslash{}"}
)


def bibtex(paper: Paper) -> str:
    """Return a paper as a BibTeX entry in UTF-8: an article if it has a journal, else ``misc``."""
    published = paper.published_at or paper.announced_at
    named = arxiv_id(paper.canonical_id)
    fields = {
        "title": f"{{{_escaped(paper.title)}}}",
        "author": " and ".join(map(_escaped, paper.authors)),
        "year": f"{published:%Y}",
        "month": f"{published.month}",
        "journal": _escaped(paper.journal_ref),
        "doi": paper.doi,
        "eprint": named.id if named else "",
        "archivePrefix": "arXiv" if named else "",
        "primaryClass": paper.primary_category if named else "",
        "url": paper.url,
    }
    kind = "article" if paper.journal_ref else "misc"
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    return f"@{kind}{{{_key(paper)},\n" + ",\n".join(lines) + "\n}\n"


def _key(paper: Paper) -> str:
    """Return a citation key: first author's surname, year, first long word of the title."""
    surname = paper.authors[0].split()[-1] if paper.authors and paper.authors[0].split() else "anon"
    published = paper.published_at or paper.announced_at
    words = [word for word in re.findall(r"[a-z0-9]+", fold(paper.title)) if len(word) > 3]
    key = f"{fold(surname)}{published:%Y}{words[0] if words else ''}"
    return re.sub(r"[^a-z0-9]", "", key) or "paper"


def _escaped(text: str) -> str:
    return " ".join(text.split()).translate(ESCAPES)


def scholarly_article(paper: Paper) -> dict[str, Any]:
    """Return the paper as a schema.org ScholarlyArticle."""
    described = {
        "@context": "https://schema.org",
        "@type": "ScholarlyArticle",
        "headline": paper.title,
        "abstract": paper.abstract,
        "description": paper.summary,
        "author": [{"@type": "Person", "name": name} for name in paper.authors],
        "datePublished": (paper.published_at or paper.announced_at).date().isoformat(),
        "dateModified": paper.revised_at and paper.revised_at.date().isoformat(),
        "identifier": paper.doi or paper.canonical_id,
        "keywords": paper.keywords or paper.categories,
        "license": paper.license,
        "sameAs": [link.url for link in display.links(paper)],
        "url": f"{settings.SITE_URL}{paper.get_absolute_url()}",
    }
    return {name: value for name, value in described.items() if value}


def script_safe(data: dict[str, Any]) -> SafeString:
    """Return JSON in which no character can end the surrounding script element."""
    return mark_safe(json.dumps(data).translate(UNSAFE_IN_SCRIPT))
