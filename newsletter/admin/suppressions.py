"""Addresses that get no mail, and why; their release."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin, messages
from django.core.validators import EMPTY_VALUES
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from unfold.contrib.filters.admin import RangeDateTimeFilter, TextFilter
from unfold.decorators import action, display

from newsletter.admin import exports, imports
from newsletter.admin.confirmation import (
    ConfirmedAction,
    confirmation_page,
    portions,
    typed_reason,
)
from newsletter.models import ListImport, Subscriber, Suppression
from newsletter.subscriptions import suppressions
from newsletter.subscriptions.consent_log import ActionOrigin
from papers.admin.base import ReadOnlyAdmin, counted, link, log, url_of

LIFTED: Final = (
    "These addresses get mail again as before: who had confirmed is active, who had paused or "
    "unsubscribed stays so. The reason is kept in the audit log and in the consent log."
)


class DomainFilter(TextFilter):
    """Addresses at one domain."""

    title = "domain"
    parameter_name = "domain"

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Suppression]
    ) -> QuerySet[Suppression]:
        """Return the suppressions of that domain."""
        domain = self.value()
        if domain in EMPTY_VALUES:
            return queryset
        return queryset.filter(pk__in=suppressions.find(domain=str(domain)).values("pk"))


def lift(
    admin_: ReadOnlyAdmin, request: HttpRequest, found: QuerySet[Suppression]
) -> HttpResponse | None:
    """Lift suppressions after a typed confirmation with a reason."""
    planned = ConfirmedAction("lift", "Lift", LIFTED, f"lift {found.count()}", asks_reason=True)
    page = confirmation_page(admin_, request, found, planned)
    if page is None:
        reason = typed_reason(request)
        origin = ActionOrigin(form=f"admin: {request.user.get_username()}: {reason}"[:200])
        count = 0
        for chosen in portions(found, suppressions.ADDRESSES_AT_ONCE):
            people = Subscriber.objects.filter(email_key__in=[row.email_key for row in chosen])
            rows = Suppression.objects.filter(pk__in=[row.pk for row in chosen])
            with transaction.atomic():
                log(request, chosen, f"suppression lifted: {reason}")
                log(request, people, f"suppression lifted: {reason}")
                count += suppressions.lift(rows, origin)
        admin_.message_user(request, f"{counted(Suppression, count)} lifted.", messages.SUCCESS)
    return page


@admin.register(Suppression)
class SuppressionAdmin(ReadOnlyAdmin):
    """Written by bounces, complaints, erasures and the subscriber list's "suppress" action."""

    list_display = ("__str__", "reason", "detail", "created_at")
    list_filter = ("reason", DomainFilter, ("created_at", RangeDateTimeFilter))
    list_filter_submit = True
    search_fields = ("email_key",)
    search_help_text = "An address, or a part of it."
    date_hierarchy = "created_at"
    fields = ("email_key", "subscriber_link", "reason", "detail", "created_at", "address_hash")
    actions = ("lift", "export")
    actions_list = ("import_list",)
    actions_detail = ("lift_this",)

    def has_lift_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Return whether this account may let mail go to an address again."""
        return request.user.has_perm("newsletter.change_suppression")

    def has_export_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Return whether this account may download addresses."""
        return request.user.has_perm("newsletter.export_subscribers")

    def has_import_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Return whether this account may take lists in."""
        return request.user.has_perm("newsletter.import_subscribers")

    @action(description="Import a list", permissions=["import"], icon="upload_file")
    def import_list(self, request: HttpRequest) -> HttpResponse:
        """Lead to the form that takes a file."""
        return imports.to_upload(ListImport.Kind.SUPPRESSIONS)

    @admin.action(description="Export as CSV", permissions=["export"])
    def export(self, request: HttpRequest, found: QuerySet[Suppression]) -> StreamingHttpResponse:
        """Download the selected suppressions as CSV."""
        return exports.download_suppressions(request, found)

    @display(description="subscriber")
    def subscriber_link(self, row: Suppression) -> str:
        """Return a link to the person with this address, if there is one."""
        person = Subscriber.objects.filter(email_key=row.email_key).first()
        return link(url_of(person), person) if person else "nobody"

    @admin.action(description="Lift the suppression", permissions=["lift"])
    def lift(self, request: HttpRequest, found: QuerySet[Suppression]) -> HttpResponse | None:
        """Let mail go to the selected addresses again."""
        return lift(self, request, found)

    @action(description="Lift", url_path="lift", permissions=["lift"], icon="lock_open")
    def lift_this(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        """Let mail go to this address again."""
        found: QuerySet[Any] = self.get_queryset(request).filter(pk=object_id)
        return lift(self, request, found)
