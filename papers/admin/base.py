"""What every list in the admin shares: read-only mixins, links, counts and the audit log."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import model_ngettext, quote
from django.contrib.admin.views.main import ERROR_FLAG
from django.db import DataError
from django.db.models import DateTimeField, Field, Model, QuerySet
from django.forms import Field as FormField
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.timesince import timesince
from django.utils.timezone import now
from unfold.admin import ModelAdmin, TabularInline

from papers.admin.large_tables import EstimatingPaginator, with_periods


class NeverAdded:
    """Mixin for rows that only the service creates."""

    when_empty = "The service fills this list by itself."

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return False for everybody."""
        return False


class NeverChanged:
    """Mixin for rows that can only be viewed."""

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return False for everybody."""
        return False


class NeverDeleted:
    """Mixin for rows that the admin never deletes."""

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return False for everybody."""
        return False


class ListAdmin(ModelAdmin):
    """A list that stays fast with many rows: paged, without a count of the whole table.

    ``when_empty`` is the sentence that an empty list shows.
    """

    show_full_result_count = False
    paginator: ClassVar[type] = EstimatingPaginator
    list_per_page = 50
    list_fullwidth = True
    when_empty = "Nothing was added yet."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows, whose periods are not looked for in each of millions."""
        return with_periods(super().get_queryset(request))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Look for what was typed as a whole by an index first, then for its parts."""
        found = self.find_whole(queryset, search_term.strip()) if search_term.strip() else None
        if found is not None:
            return found, False
        parts: tuple[QuerySet[Any], bool] = super().get_search_results(
            request, queryset, search_term
        )
        return parts

    def find_whole(self, rows: QuerySet[Any], typed: str) -> QuerySet[Any] | None:
        """Return the rows that an address or id names; None where parts must be looked for."""
        return None

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list; a filter that the database cannot express leads to the unfiltered list.

        Django checks the names of filters and not all of their values, such as the year 99999.
        """
        try:
            page: HttpResponse = super().changelist_view(request, extra_context)
        except (ValueError, OverflowError, DataError):
            if request.method != "GET" or not request.GET:
                raise
            return HttpResponseRedirect(f"{request.path}?{ERROR_FLAG}=1")
        return page

    def formfield_for_dbfield(
        self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> FormField | None:
        """Add the time zone to the help of a time that is typed; a shown one carries its own."""
        field: FormField | None = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and isinstance(db_field, DateTimeField):
            field.help_text = f"{field.help_text} In UTC.".lstrip()
        return field

    def get_actions_detail(self, request: HttpRequest, object_id: object) -> list[Any]:
        """Return the buttons of a row's page, without those that would change nothing."""
        buttons: list[Any] = super().get_actions_detail(request, object_id)
        row = self.get_object(request, str(object_id)) if buttons else None
        idle = self.idle_buttons(row) if row else frozenset()
        return [button for button in buttons if button.method.__name__ not in idle]

    def idle_buttons(self, row: Any) -> frozenset[str]:
        """Return the names in ``actions_detail`` that this row does not qualify for."""
        return frozenset()


class ReadOnlyAdmin(NeverAdded, NeverChanged, NeverDeleted, ListAdmin):
    """Rows that the service writes and operators only view."""


class ReadOnlyInline(NeverAdded, NeverChanged, NeverDeleted, TabularInline):
    """Rows of another table under their owner, a page at a time."""

    extra = 0
    per_page = 20
    hide_title = True


def names_of(model: type[Model]) -> list[str]:
    """Return the names of a model's own fields."""
    return [field.name for field in model._meta.fields]


def counted(model: type[Model], count: int) -> str:
    """Return a number of rows in words: "1 paper", "12 papers"."""
    return f"{count} {model_ngettext(model._meta, count)}"


def ago(moment: datetime) -> str:
    """Return how long ago a moment was: "a moment ago", "5 minutes ago"."""
    just_now = now() - moment < timedelta(minutes=1)
    return "a moment ago" if just_now else f"{timesince(moment)} ago"


def url_of(obj: Model) -> str:
    """Return the admin URL of a row."""
    meta = obj._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[quote(obj.pk)])


def url_of_list(model: type[Model], **filters: object) -> str:
    """Return the admin URL of a list, filtered by lookups such as ``state__exact="failed"``."""
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{url}?{urlencode(filters)}" if filters else url


def link(url: str, text: object) -> str:
    """Return an escaped anchor in the admin's style."""
    return format_html('<a class="text-link" href="{}">{}</a>', url, text)


def log(request: HttpRequest, objects: Iterable[Model], message: str, flag: int = CHANGE) -> None:
    """Record in the audit log what this account did to these rows."""
    LogEntry.objects.log_actions(str(request.user.pk), objects, flag, change_message=message)
