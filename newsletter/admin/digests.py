"""Digests: what each subscriber got on each day, its state and the reason for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import action, display

from newsletter.admin import previews
from newsletter.admin.confirmation import ConfirmedAction, SendPermission, confirmation_page
from newsletter.admin.outbound import OutboundAdmin
from newsletter.delivery import outbox
from newsletter.delivery.rendering import DIGESTS
from newsletter.models import DeliveryEvent, Digest
from papers.admin.base import counted, link, log, url_of_list
from papers.admin.papers import ordered_list

STUCK = (Digest.State.FAILED, Digest.State.UNCERTAIN)
TWICE = (
    "These digests are queued and leave with the next sweep. One whose state is uncertain may have "
    "arrived before: its reader would then get it twice."
)


def _remark(item: Mapping[str, Any]) -> str:
    """Return why a paper was chosen, preceded by its slot unless the reason names it."""
    slot, reason = item["slot"], item["reason"]
    said = reason.startswith(slot) or reason.endswith(slot)
    return reason if said else f"{slot}: {reason}" if reason else slot


@admin.register(Digest)
class DigestAdmin(SendPermission, OutboundAdmin):
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
    list_filter = ("state", ("due_at", RangeDateTimeFilter))
    actions = ("resend",)
    actions_detail = ("see", "resend_this")
    list_filter_submit = True
    fieldsets = (
        (None, {"fields": ("subscriber_link", "state", "reason", "subject")}),
        ("Papers", {"fields": ("paper_table",)}),
        (
            "Delivery",
            {
                "fields": (
                    ("due_on", "due_at"),
                    ("created_at", "expires_at"),
                    ("attempts", "next_attempt_at"),
                    ("sending_at", "lease_until"),
                    "sent_at",
                    "public_id",
                    "message_id",
                    "provider_id",
                    "event_link",
                )
            },
        ),
    )

    def idle_buttons(self, row: Digest) -> frozenset[str]:
        """Hide "Resend" unless the digest failed or is uncertain."""
        return frozenset() if row.state in STUCK else frozenset({"resend_this"})

    @display(description="papers")
    def paper_count(self, digest: Digest) -> int:
        """Return how many papers the digest holds."""
        return len(digest.items)

    @display(description="papers, in order")
    def paper_table(self, digest: Digest) -> str:
        """Return the papers in their order, each with its reason."""
        if not digest.items:
            return "None was chosen."
        return ordered_list((item["paper"], _remark(item)) for item in digest.items)

    @display(description="events")
    def event_link(self, digest: Digest) -> str:
        """Return a link to what the provider reported of this digest."""
        return link(
            url_of_list(DeliveryEvent, digest__id__exact=digest.pk), "events of this digest"
        )

    @admin.action(description="Resend failed and uncertain ones", permissions=["send"])
    def resend(self, request: HttpRequest, digests: QuerySet[Digest]) -> HttpResponse | None:
        """Queue failed and uncertain digests again, after a typed confirmation."""
        stuck = digests.filter(state__in=STUCK)
        page = confirmation_page(
            self,
            request,
            stuck,
            ConfirmedAction("resend", "Resend", TWICE, f"resend {stuck.count()}"),
        )
        if page is None:
            chosen = list(stuck)
            count = outbox.resend(DIGESTS, [digest.pk for digest in chosen])
            log(request, chosen, "resent")
            self.message_user(request, f"{counted(Digest, count)} queued again.", messages.SUCCESS)
        return page

    @action(description="Resend", url_path="resend", permissions=["send"], icon="redo")
    def resend_this(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        """Queue this digest again, after a typed confirmation."""
        return self.resend(request, self.get_queryset(request).filter(pk=object_id))

    @action(description="See it", url_path="see", permissions=["view"], icon="visibility")
    def see(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the digest as its reader gets it."""
        digest = self.get_object(request, object_id)
        if digest is None:
            raise Http404("There is no such digest.")
        return previews.show(self, request, digest, f"{digest} for {digest.subscriber}")
