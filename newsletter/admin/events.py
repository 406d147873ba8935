"""Delivery events: provider reports, as they were received."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from unfold.decorators import display

from newsletter.admin import searches
from newsletter.models import DeliveryEvent
from newsletter.security import email_addresses
from papers.admin.base import ReadOnlyAdmin, link, url_of
from papers.admin.large_tables import RecentValuesFilter


@admin.register(DeliveryEvent)
class DeliveryEventAdmin(ReadOnlyAdmin):
    """Raw reports, each with the digest it belongs to."""

    list_display = (
        "received_at",
        "type_label",
        "recipient",
        "digest_link",
        "reject_reason",
        "provider",
        "processed_at",
    )
    list_filter = (
        ("type", RecentValuesFilter),
        ("provider", RecentValuesFilter),
        ("processed_at", admin.EmptyFieldListFilter),
    )
    list_select_related = ("digest",)
    search_fields = ("email_key",)
    search_help_text = "A recipient, a part of a subscriber's address, or the provider's id."
    date_hierarchy = "received_at"
    fieldsets = (
        (None, {"fields": ("type", "recipient", "digest_link", "reject_reason", "description")}),
        (
            "As received",
            {
                "fields": (
                    ("provider", "provider_id"),
                    "event_key",
                    ("occurred_at", "received_at"),
                    "processed_at",
                    "payload",
                )
            },
        ),
    )

    def find_whole(self, rows: QuerySet[DeliveryEvent], typed: str) -> QuerySet[DeliveryEvent]:
        """Return the events about this address or message."""
        for found in (
            rows.filter(email_key=email_addresses.key_of(typed)),
            rows.filter(provider_id=typed),
        ):
            if found.order_by()[:1]:
                return found
        return searches.of_people(rows, typed, "email_key")

    @display(
        description="type",
        ordering="type",
        label={
            "delivered": "success",
            "bounced": "danger",
            "rejected": "danger",
            "failed": "danger",
            "complained": "danger",
            "deferred": "warning",
        },
    )
    def type_label(self, event: DeliveryEvent) -> str:
        """Return the event's type, coloured by how bad it is."""
        return event.type

    @display(description="digest")
    def digest_link(self, event: DeliveryEvent) -> str:
        """Return a link to the digest that the event is about."""
        return link(url_of(event.digest), event.digest) if event.digest else "none"
