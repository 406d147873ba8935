"""Subscribers: what they asked for, what they agreed to, and what was sent to them."""

from __future__ import annotations

from django.contrib import admin
from unfold.admin import TabularInline
from unfold.decorators import display

from newsletter.models import Consent, Digest, Interest, Notice, Subscriber
from papers.admin.base import ListAdmin, NeverAdded, ReadOnlyInline, link, names_of, url_of_list

CHOICES = frozenset({"frequency", "weekday", "hour", "timezone", "size"})
Status = Subscriber.Status
STATUS_COLOURS = {
    Status.PENDING: "info",
    Status.ACTIVE: "success",
    Status.PAUSED: "warning",
    Status.SUPPRESSED: "danger",
}


class InterestInline(TabularInline):
    """What the subscriber wants to read about, a page at a time."""

    model = Interest
    fields = ("kind", "value")
    extra = 0
    per_page = 20


class ConsentInline(ReadOnlyInline):
    """The subscriber's lines of the consent log."""

    model = Consent
    fields = ("at", "action", "form", "text_version", "ip_truncated")
    readonly_fields = fields
    show_change_link = True


@admin.register(Subscriber)
class SubscriberAdmin(NeverAdded, ListAdmin):
    """Choices may be edited for a person who asks for it; states move through actions alone."""

    list_display = (
        "email",
        "status_label",
        "frequency",
        "hour",
        "timezone",
        "next_digest_at",
        "created_at",
    )
    list_filter = ("status", "frequency", "created_at")
    search_fields = ("email_key",)
    search_help_text = "An address, or a part of it."
    date_hierarchy = "created_at"
    inlines = (InterestInline, ConsentInline)
    fieldsets = (
        (None, {"fields": ("email", "status_label", "sent_links")}),
        (
            "Choices",
            {"fields": (("frequency", "weekday"), ("hour", "timezone"), "size")},
        ),
        (
            "Standing",
            {
                "fields": (
                    ("next_digest_at", "paused_until"),
                    ("created_at", "confirmed_at", "consent_source"),
                    ("soft_bounce_score", "last_soft_bounce_at"),
                )
            },
        ),
    )
    readonly_fields = (
        *(name for name in names_of(Subscriber) if name not in CHOICES),
        "status_label",
        "sent_links",
    )

    @display(description="status", ordering="status", label=STATUS_COLOURS)
    def status_label(self, subscriber: Subscriber) -> tuple[str, str]:
        return subscriber.status, subscriber.get_status_display()

    @display(description="sent to them")
    def sent_links(self, subscriber: Subscriber) -> str:
        narrowed = {"subscriber__id__exact": subscriber.pk}
        return link(url_of_list(Digest, **narrowed), "digests") + link(
            url_of_list(Notice, **narrowed), "notices"
        )
