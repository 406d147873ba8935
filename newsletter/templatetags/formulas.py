"""Template filters for exponents and indices of titles and summaries."""

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
