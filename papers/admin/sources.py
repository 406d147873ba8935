"""Sources of papers, the result of each run, and requested papers."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.timezone import localtime, now
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelect2MultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldBooleanSwitchWidget,
)

from papers.admin.base import (
    ListAdmin,
    NeverDeleted,
    ReadOnlyAdmin,
    counted,
    link,
    log,
    names_of,
    url_of,
    url_of_list,
)
from papers.ingest import fields as followed
from papers.models import IngestRun, Source, Submission, Turn
from papers.sources import KINDS
from papers.text import taxonomy

VISIT_COLOURS = {"ok": "success", "quiet": "info", "suspect": "warning", "failed": "danger"}


class SourceForm(forms.ModelForm):  # type: ignore[type-arg]
    """A source of a supported kind, run no more often than every five minutes."""

    kind = forms.ChoiceField(
        choices=[(kind, kind) for kind in KINDS], widget=UnfoldAdminSelectWidget
    )
    interval_minutes = forms.IntegerField(
        label="Minutes between visits",
        min_value=5,
        initial=60,
        widget=UnfoldAdminIntegerFieldWidget,
    )


class FieldSourceForm(SourceForm):
    """A source of arXiv, which follows all of its fields, some, or those that are asked for."""

    # The kind of a stored source is fixed.
    kind = None  # type: ignore[assignment]
    followed_fields = forms.MultipleChoiceField(
        label="Fields",
        required=False,
        choices=[
            (group, [(code, f"{name} ({code})") for code, name in names.items()])
            for group, names in taxonomy.GROUPS.items()
        ],
        widget=UnfoldAdminSelect2MultipleWidget,
        help_text="None chosen: all of arXiv. All sources of arXiv follow the same fields.",
    )
    asked = forms.BooleanField(
        label="What subscribers ask for",
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text="Instead of the fields above: those that active subscribers have chosen.",
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        address = self.instance.address
        codes = set(followed.named_fields(address))
        self.initial["asked"] = address == followed.ASKED
        self.initial["followed_fields"] = [
            name for name in taxonomy.NAMES if {name, name.partition(".")[0]} & codes
        ]

    def clean_followed_fields(self) -> list[str]:
        """Refuse more fields than an address can hold."""
        chosen: list[str] = self.cleaned_data["followed_fields"]
        longest = Source._meta.get_field("address").max_length or 0
        if len(followed.address_for(chosen)) > longest:
            raise forms.ValidationError("Choose fewer fields, or none for all of arXiv.")
        return chosen


def _names_fields(source: Source | None) -> bool:
    """Return whether a stored source is one of arXiv's whose address is no URL."""
    return bool(source and source.kind in followed.KINDS and "://" not in source.address)


@admin.register(Source)
class SourceAdmin(NeverDeleted, ListAdmin):
    """Sources are configured here; the results of their runs are read-only."""

    form = SourceForm
    list_display = (
        "name",
        "kind",
        "enabled",
        "last_visit",
        "last_result",
        "last_run_at",
        "next_visit",
        "created_count",
    )
    list_filter = ("enabled", "last_status", "kind")
    search_fields = ("name", "address")
    actions = ("ingest_now", "enable", "disable")
    add_fieldsets = (
        (None, {"fields": ("name", "kind", "address", ("enabled", "interval_minutes"))}),
    )
    fieldsets = (
        *add_fieldsets,
        (
            "Visits",
            {
                "fields": (
                    ("last_status", "consecutive_failures"),
                    "last_result",
                    "run_link",
                    ("last_run_at", "last_success_at"),
                    "next_visit",
                    ("created_count", "updated_count"),
                    ("unchanged_count", "rejected_count"),
                    "cursor",
                    ("etag", "last_modified"),
                )
            },
        ),
    )
    editable = frozenset({"name", "kind", "address", "enabled", "interval_minutes"})

    def get_form(
        self, request: HttpRequest, obj: Source | None = None, change: bool = False, **options: Any
    ) -> type[forms.ModelForm]:  # type: ignore[type-arg]
        """Return the form with a list of fields for the sources of arXiv."""
        if _names_fields(obj):
            options["form"] = FieldSourceForm
        return cast("type[forms.ModelForm]", super().get_form(request, obj, change, **options))  # type: ignore[type-arg]

    def get_fieldsets(self, request: HttpRequest, obj: Source | None = None) -> Any:
        """Return the fieldsets; the sources of arXiv have a list of fields for an address."""
        fieldsets = super().get_fieldsets(request, obj)
        if not _names_fields(obj):
            return fieldsets
        own = ("name", "kind", "followed_fields", "asked", ("enabled", "interval_minutes"))
        return ((None, {"fields": own}), *fieldsets[1:])

    def save_model(self, request: HttpRequest, obj: Source, form: Any, change: bool) -> None:
        """Save the source; its fields become those of all sources of arXiv."""
        super().save_model(request, obj, form, change)
        if "followed_fields" in form.cleaned_data:
            chosen = form.cleaned_data
            followed.follow(chosen["followed_fields"], asked=chosen["asked"])

    def get_readonly_fields(self, request: HttpRequest, obj: Source | None = None) -> list[str]:
        """Return all fields but the configuration; name and kind are fixed after creation."""
        identity = {"name", "kind"} if obj else set()
        free = self.editable - identity
        return [*(name for name in names_of(Source) if name not in free), "run_link", "next_visit"]

    @display(description="visits")
    def run_link(self, source: Source) -> str:
        """Return a link to all runs of the source."""
        return link(url_of_list(IngestRun, source__id__exact=source.pk), "all visits")

    @display(
        description="last visit",
        ordering="last_status",
        label=VISIT_COLOURS,
    )
    def last_visit(self, source: Source) -> tuple[str, str]:
        """Return the status of the last run, coloured."""
        return source.last_status, source.get_last_status_display()

    @display(description="next visit", ordering="next_run_at")
    def next_visit(self, source: Source) -> str:
        """Return when the source is due; nothing while it is disabled."""
        if not source.enabled:
            return "none while disabled"
        if source.next_run_at <= now():
            return "due now"
        return date_format(localtime(source.next_run_at), "DATETIME_FORMAT")

    @admin.action(description="Ingest now", permissions=["change"])
    def ingest_now(self, request: HttpRequest, sources: QuerySet[Source]) -> None:
        """Make the selected sources due; the worker finds them in the table."""
        chosen = list(sources.filter(enabled=True))
        Source.objects.filter(pk__in=[source.pk for source in chosen]).update(next_run_at=now())
        log(request, chosen, "asked to ingest now")
        done = f"{counted(Source, len(chosen))} due now: the worker comes within a minute."
        self.message_user(request, done, messages.SUCCESS)
        if disabled := sources.filter(enabled=False).count():
            left = f"{counted(Source, disabled)} disabled and left out; enable first."
            self.message_user(request, left, messages.WARNING)

    @admin.action(description="Enable", permissions=["change"])
    def enable(self, request: HttpRequest, sources: QuerySet[Source]) -> None:
        """Enable the selected sources."""
        self._switch(request, sources, enabled=True)

    @admin.action(description="Disable", permissions=["change"])
    def disable(self, request: HttpRequest, sources: QuerySet[Source]) -> None:
        """Disable the selected sources."""
        self._switch(request, sources, enabled=False)

    def _switch(self, request: HttpRequest, sources: QuerySet[Source], *, enabled: bool) -> None:
        chosen = list(sources)
        Source.objects.filter(pk__in=[source.pk for source in chosen]).update(enabled=enabled)
        verb = "enabled" if enabled else "disabled"
        log(request, chosen, verb)
        self.message_user(request, f"{counted(Source, len(chosen))}: {verb}.", messages.SUCCESS)


@admin.register(IngestRun)
class IngestRunAdmin(ReadOnlyAdmin):
    """Every run of a source and every imported file, with the rejected records and why."""

    list_display = (
        "started_at",
        "name",
        "status_label",
        "result",
        "created_count",
        "updated_count",
        "rejected_count",
    )
    list_filter = ("status",)
    search_fields = ("name",)
    date_hierarchy = "started_at"
    fieldsets = (
        (None, {"fields": ("name", "source_link", "status", "result")}),
        (None, {"fields": (("started_at", "finished_at"),)}),
        (
            "Records",
            {
                "fields": (
                    ("created_count", "updated_count"),
                    ("unchanged_count", "rejected_count"),
                    "rejection_list",
                )
            },
        ),
    )

    @display(description="status", ordering="status", label=VISIT_COLOURS)
    def status_label(self, run: IngestRun) -> tuple[str, str]:
        """Return the status of the run, coloured."""
        return run.status, run.get_status_display()

    @display(description="source")
    def source_link(self, run: IngestRun) -> str:
        """Return a link to the source; an imported file has none."""
        return link(url_of(run.source), run.source) if run.source else "a file"

    @display(description="rejected")
    def rejection_list(self, run: IngestRun) -> str:
        """Return the rejected records, each with its reason."""
        if not run.rejections:
            return "No record was rejected."
        rows = ((rejection["record"], rejection["reason"]) for rejection in run.rejections)
        return format_html(
            '<ul class="plain-list">{}</ul>', format_html_join("", "<li>{}: {}</li>", rows)
        )


@admin.register(Submission)
class SubmissionAdmin(ReadOnlyAdmin):
    """Papers that somebody requested by their id, and whether they were fetched."""

    when_empty = "Nobody has asked for a paper yet."
    list_display = ("arxiv_id", "submitted_at", "fetched_at", "result")
    list_filter = (("fetched_at", admin.EmptyFieldListFilter),)
    search_fields = ("arxiv_id",)
    date_hierarchy = "submitted_at"
    fields = list_display


@admin.register(Turn)
class HostLockAdmin(ReadOnlyAdmin):
    """Which worker may request from a shared host, and when the next request is allowed."""

    list_display = ("name", "holder", "held_until", "next_at")
    fields = list_display
