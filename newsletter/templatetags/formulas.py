"""Template filters for exponents and indices of titles, summaries and abstracts."""

from __future__ import annotations

from django import template

from newsletter import display
from papers.models import Paper
from papers.text.scripts import Piece

register = template.Library()


@register.filter
def title_pieces(paper: Paper) -> list[Piece]:
    """Return the title in pieces, to be written as text and ``sup`` and ``sub`` elements."""
    return display.title_pieces(paper)


@register.filter
def summary_pieces(paper: Paper) -> list[Piece]:
    """Return the summary in pieces, as ``title_pieces``."""
    return display.summary_pieces(paper)


@register.filter
def abstract_pieces(paper: Paper) -> list[list[Piece]]:
    """Return the paragraphs of the abstract, each in pieces, as ``title_pieces``."""
    return display.abstract_pieces(paper)
