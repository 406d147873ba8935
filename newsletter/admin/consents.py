"""The consent log, read-only."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import display

from newsletter.admin import searches
from newsletter.models import Consent
from papers.admin.base import ReadOnlyAdmin, link, url_of


@admin.register(Consent)
class ConsentAdmin(ReadOnlyAdmin):
    """Append-only: who agreed to what, when, and how they were asked."""

    list_display = ("at", "subscriber_link", "action", "form", "text_version", "ip_truncated")
    list_filter = ("action", ("at", RangeDateTimeFilter))
    list_select_related = ("subscriber",)
    search_fields = ("subscriber__email_key",)
    search_help_text = "An address, or a part of it."
    list_filter_submit = True
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

    def find_whole(self, rows: QuerySet[Consent], typed: str) -> QuerySet[Consent]:
        """Return the lines of the people with this address."""
        return searches.of_people(rows, typed)

    @display(description="subscriber", ordering="subscriber__email_key")
    def subscriber_link(self, consent: Consent) -> str:
        """Return a link to the person who gave this consent."""
        return link(url_of(consent.subscriber), consent.subscriber)
