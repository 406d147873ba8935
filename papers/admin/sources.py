"""Where papers come from, and how the last visit went in words."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.timezone import now
from unfold.decorators import display

from papers.admin.base import ListAdmin, NeverDeleted, log, names_of
from papers.models import Source


@admin.register(Source)
class SourceAdmin(NeverDeleted, ListAdmin):
    """A source is set up here; what its visits left behind is only shown."""

    list_display = (
        "name",
        "kind",
        "enabled",
        "last_visit",
        "last_result",
        "last_run_at",
        "next_run_at",
        "created_count",
    )
    list_filter = ("enabled", "last_status", "kind")
    search_fields = ("name", "address")
    actions = ("ingest_now", "enable", "disable")
    fieldsets = (
        (None, {"fields": ("name", "kind", "address", ("enabled", "interval_minutes"))}),
        (
            "Visits",
            {
                "fields": (
                    ("last_status", "consecutive_failures"),
                    "last_result",
                    ("last_run_at", "last_success_at", "next_run_at"),
                    ("created_count", "updated_count", "unchanged_count", "rejected_count"),
                    ("cursor", "etag", "last_modified"),
                )
            },
        ),
    )
    editable = frozenset({"name", "kind", "address", "enabled", "interval_minutes"})

    def get_readonly_fields(self, request: HttpRequest, obj: Source | None = None) -> list[str]:
        identity = {"name", "kind"} if obj else set()
        free = self.editable - identity
        return [name for name in names_of(Source) if name not in free]

    @display(
        description="last visit",
        ordering="last_status",
        label={"ok": "success", "quiet": "info", "suspect": "warning", "failed": "danger"},
    )
    def last_visit(self, source: Source) -> tuple[str, str]:
        return source.last_status, source.get_last_status_display()

    @admin.action(description="Ingest now", permissions=["change"])
    def ingest_now(self, request: HttpRequest, sources: QuerySet[Source]) -> None:
        chosen = list(sources)
        Source.objects.filter(pk__in=[source.pk for source in chosen]).update(next_run_at=now())
        log(request, chosen, "asked to ingest now")
        self.message_user(
            request, f"{len(chosen)} sources are due now; the worker visits them.", messages.SUCCESS
        )

    @admin.action(description="Enable", permissions=["change"])
    def enable(self, request: HttpRequest, sources: QuerySet[Source]) -> None:
        self._switch(request, sources, enabled=True)

    @admin.action(description="Disable", permissions=["change"])
    def disable(self, request: HttpRequest, sources: QuerySet[Source]) -> None:
        self._switch(request, sources, enabled=False)

    def _switch(self, request: HttpRequest, sources: QuerySet[Source], *, enabled: bool) -> None:
        chosen = list(sources)
        Source.objects.filter(pk__in=[source.pk for source in chosen]).update(enabled=enabled)
        verb = "enabled" if enabled else "disabled"
        log(request, chosen, verb)
        self.message_user(request, f"{len(chosen)} sources: {verb}.", messages.SUCCESS)
