"""Tags of the sign-up form."""

from __future__ import annotations

from django import template

from newsletter.web import forms

register = template.Library()


@register.inclusion_tag("subscriber/_bot_check.html")
def bot_check() -> dict[str, str]:
    """Render the signed time-stamp and the honeypot field of a sign-up form."""
    return {"started": forms.started_stamp()}
