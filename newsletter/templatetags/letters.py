"""The editor's letter on a page."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString, mark_safe

from papers.text.markdown import to_html

register = template.Library()


@register.filter
def markdown(text: str) -> SafeString:
    """Return Markdown as safe HTML."""
    return mark_safe(to_html(text))
