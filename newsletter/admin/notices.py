"""Notices: mails that answer something a person just did."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import RangeDateTimeFilter

from newsletter.admin.outbound import OutboundAdmin
from newsletter.models import Notice


@admin.register(Notice)
class NoticeAdmin(OutboundAdmin):
    """Confirmation mails and mails with a subscriber's own links."""

    list_display = (
        "created_at",
        "kind",
        "subscriber_link",
        "state_label",
        "reason",
        "attempts",
        "sent_at",
    )
    ordering = ("-pk",)  # As they were created, by an index that is there anyway.
    list_filter = ("state", "kind", ("created_at", RangeDateTimeFilter))
    list_filter_submit = True
    fieldsets = (
        (None, {"fields": ("kind", "subscriber_link", "state", "reason")}),
        (
            "Delivery",
            {
                "fields": (
                    ("created_at", "expires_at"),
                    ("attempts", "next_attempt_at"),
                    ("sending_at", "lease_until"),
                    "sent_at",
                    "public_id",
                    "message_id",
                    "provider_id",
                )
            },
        ),
    )
