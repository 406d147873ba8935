"""What every sign-up form carries beside the address."""

from __future__ import annotations

from django import template

from newsletter.web import forms

register = template.Library()


@register.inclusion_tag("subscriber/_quiet_fields.html")
def quiet_fields() -> dict[str, str]:
    """The signed time at which the form was made, and a field that only robots fill in."""
    return {"started": forms.started_stamp()}
