"""Digests: what each subscriber got on each day, in which state it is, and why."""

from __future__ import annotations

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from unfold.decorators import display

from newsletter.admin.outbound import OutboundAdmin
from newsletter.models import DeliveryEvent, Digest
from papers.admin.base import link, url_of_list
from papers.models import Paper


@admin.register(Digest)
class DigestAdmin(OutboundAdmin):
    """One row is one digest of one person and day."""

    list_display = (
        "due_on",
        "subscriber_link",
        "state_label",
        "reason",
        "paper_count",
        "attempts",
        "sent_at",
    )
    list_filter = ("state", "due_on")
    date_hierarchy = "due_at"
    fieldsets = (
        (None, {"fields": ("subscriber_link", "state_label", "reason", "subject")}),
        ("Papers", {"fields": ("paper_table",)}),
        (
            "Delivery",
            {
                "fields": (
                    ("due_on", "due_at", "expires_at"),
                    ("attempts", "next_attempt_at", "lease_until"),
                    ("created_at", "sending_at", "sent_at"),
                    ("public_id", "message_id", "provider_id"),
                    "event_link",
                )
            },
        ),
    )

    @display(description="papers")
    def paper_count(self, digest: Digest) -> int:
        return len(digest.items)

    @display(description="papers, in order")
    def paper_table(self, digest: Digest) -> str:
        if not digest.items:
            return "None was chosen."
        search = url_of_list(Paper)
        rows = format_html_join(
            "",
            '<li><a class="text-link" href="{}?q={}">{}</a> ({}): {}</li>',
            (
                (search, item["paper"], item["paper"], item["slot"], item["reason"])
                for item in digest.items
            ),
        )
        return format_html("<ol>{}</ol>", rows)

    @display(description="events")
    def event_link(self, digest: Digest) -> str:
        return link(url_of_list(DeliveryEvent, digest__id__exact=digest.pk), "what came back")
