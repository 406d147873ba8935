"""The page of one paper, and its citation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from django.http import Http404, HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.shortcuts import render
from django.utils.timezone import now
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe

from newsletter import display
from newsletter.web import charts, citation, presenters
from papers.models import Paper, Signal
from papers.text import taxonomy
from papers.text.identifiers import arxiv_id
from papers.trending import reasons

RELATED_PAPERS: Final = 5
FOLLOWED_AUTHORS: Final = 20
"""Authors with a button to follow them."""


@require_safe
@cache_control(public=True, max_age=60)
@conditional_page
def paper(request: HttpRequest, canonical_id: str) -> HttpResponse:
    """Show one paper; redirect a former id to the present one."""
    found = find_paper(canonical_id)
    if found.canonical_id != canonical_id:
        return HttpResponsePermanentRedirect(found.get_absolute_url())
    named = arxiv_id(found.canonical_id)
    signals = list(found.signals.order_by("observed_at"))
    measured: dict[str, Signal] = {signal.name: signal for signal in signals}
    similar = found.similar_papers()[:RELATED_PAPERS]
    context = {
        "links": display.page_links(
            found,
            named.id if named else "",
            on_hugging_face=any(signal.source.startswith("hf-") for signal in signals),
        ),
        "listed_paper": presenters.ListedPaper(found, reason=reasons.reason(found.trending_parts)),
        "score_parts": reasons.explain(found.trending_parts),
        "paper": found,
        "ended_picks": found.ended_picks(now()),
        "categories": [(code, taxonomy.NAMES.get(code, "")) for code in found.categories],
        "signals": list(measured.values()),
        "field": taxonomy.NAMES.get(found.primary_category) or found.primary_category,
        "similar": similar,
        "related": [] if similar else _same_field(found),
        "citation": citation.bibtex(found),
        "charts": charts.of_signals(signals),
        "authors": found.authors[:FOLLOWED_AUTHORS],
        "arxiv": named.id if named else "",
        "json_ld": citation.script_safe(citation.scholarly_article(found)),
    }
    return render(request, "site/paper.html", context)


def find_paper(identifier: str) -> Paper:
    """Return the paper with this present, former or versioned id.

    Raises:
        Http404: no paper that may be shown has the id.
    """
    missing = Http404("There is no paper with this address. Try to find it by its title.")
    if not identifier.isprintable():
        raise missing
    arxiv = arxiv_id(identifier)
    spellings = {identifier, arxiv.id if arxiv else identifier}
    found = Paper.objects.known_as(spellings).filter(hidden=False)
    candidates = {paper.canonical_id: paper for paper in found}
    if not candidates:
        raise missing
    return candidates.get(identifier) or next(iter(candidates.values()))


def _same_field(paper: Paper) -> Sequence[Paper]:
    """Return trending papers of the same field, for a paper without similar ones."""
    if not paper.primary_category:
        return []
    others = Paper.objects.filter(
        primary_category=paper.primary_category, hidden=False, withdrawn=False
    )
    return list(others.exclude(pk=paper.pk)[:RELATED_PAPERS])


@require_safe
@cache_control(public=True, max_age=3600)
@conditional_page
def cite(request: HttpRequest, canonical_id: str) -> HttpResponse:
    """Return the BibTeX entry of one paper."""
    paper = find_paper(canonical_id)
    name = re.sub(r"[^\w.-]+", "-", paper.canonical_id)
    return HttpResponse(
        citation.bibtex(paper),
        content_type="application/x-bibtex; charset=utf-8",
        headers={"Content-Disposition": f'inline; filename="{name}.bib"'},
    )
