"""The consent log, read-only."""

from __future__ import annotations

from django.contrib import admin
from unfold.decorators import display

from newsletter.models import Consent
from papers.admin.base import ReadOnlyAdmin, link, url_of


@admin.register(Consent)
class ConsentAdmin(ReadOnlyAdmin):
    """Append-only: who agreed to what, when, and how they were asked."""

    list_display = ("at", "subscriber_link", "action", "form", "text_version", "ip_truncated")
    list_filter = ("action",)
    list_select_related = ("subscriber",)
    search_fields = ("subscriber__email_key", "email_as_typed")
    search_help_text = "An address."
    date_hierarchy = "at"
    fieldsets = (
        (None, {"fields": ("subscriber_link", "action", "at", "email_as_typed", "choices")}),
        (
            "How it was asked",
            {
                "fields": (
                    ("form", "text_version"),
                    "text_hash",
                    ("ip_truncated", "user_agent"),
                )
            },
        ),
    )

    @display(description="subscriber", ordering="subscriber__email_key")
    def subscriber_link(self, consent: Consent) -> str:
        """Return a link to the person who gave this consent."""
        return link(url_of(consent.subscriber), consent.subscriber)
