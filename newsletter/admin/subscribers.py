"""Subscribers: their choices, their consents and what was sent to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.timezone import localtime
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget

from newsletter.admin.story import story
from newsletter.admin.subscriber_actions import SubscriberActions, origin
from newsletter.models import Consent, Digest, Interest, Notice, Subscriber, Suppression
from newsletter.security import email_addresses
from newsletter.subscriptions import parsers, preferences, privacy, suppressions
from newsletter.subscriptions import service as subscriptions
from newsletter.web.timezones import all_timezones
from papers.admin.base import NeverAdded, link, names_of, url_of, url_of_list

T = TypeVar("T")
Status = Subscriber.Status
STATUS_COLOURS = {
    Status.PENDING: "info",
    Status.ACTIVE: "success",
    Status.PAUSED: "warning",
    Status.SUPPRESSED: "danger",
}


class SettingsForm(forms.ModelForm):  # type: ignore[type-arg]
    """The settings of a subscription, each within its range."""

    hour = forms.TypedChoiceField(
        coerce=int,
        choices=[(hour, f"{hour:02}:00") for hour in range(24)],
        widget=UnfoldAdminSelectWidget,
        help_text="In the time zone of the subscriber.",
    )
    timezone = forms.ChoiceField(choices=all_timezones, widget=UnfoldAdminSelectWidget)
    size = forms.IntegerField(
        label="Papers in a digest",
        min_value=1,
        max_value=parsers.MAX_SIZE,
        widget=UnfoldAdminIntegerFieldWidget,
    )


class InterestForm(forms.ModelForm):  # type: ignore[type-arg]
    """One interest, parsed as on the subscriber's own page: a pasted address becomes an id."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A row of the table has no label of its own.
        for name, field in self.fields.items():
            field.widget.attrs["aria-label"] = name.capitalize()

    def clean(self) -> dict[str, Any]:
        """Parse the value by its kind and refuse what is not exactly one value."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if {"kind", "value"} <= cleaned.keys():
            read = parsers.PARSERS[preferences.KEYS[cleaned["kind"]]]
            try:
                values: list[str] = read(cleaned["value"])
            except parsers.InputError as error:
                raise forms.ValidationError({"value": str(error)}) from error
            if len(values) != 1:
                raise forms.ValidationError({"value": "Write one value in each row."})
            cleaned["value"] = values[0]
        return cleaned


class InterestInline(TabularInline):
    """What the subscriber wants to read about, a page at a time."""

    model = Interest
    form = InterestForm
    fields = ("kind", "value")
    extra = 0
    per_page = 20
    hide_title = True


@admin.register(Subscriber)
class SubscriberAdmin(NeverAdded, SubscriberActions):
    """Choices can be edited for a person who asks for it; states change by actions only."""

    form = SettingsForm
    list_display = (
        "email",
        "status_label",
        "frequency",
        "hour",
        "timezone",
        "next_digest_at",
        "created_at",
    )
    list_filter = ("status", "frequency", ("created_at", RangeDateTimeFilter))
    list_filter_submit = True
    search_fields = ("email_key",)
    search_help_text = "An address, or a part of it."
    inlines = (InterestInline,)
    fieldsets = (
        (None, {"fields": ("email", "status", "suppression", "sent_links")}),
        ("Story", {"fields": ("story",)}),
        (
            "Choices",
            {"fields": (("frequency", "weekday"), ("hour", "timezone"), "size")},
        ),
        (
            "State",
            {
                "fields": (
                    ("next_digest_at", "paused_until"),
                    ("created_at", "confirmed_at"),
                    "consent_source",
                    ("soft_bounce_score", "last_soft_bounce_at"),
                )
            },
        ),
    )
    readonly_fields = (
        *(name for name in names_of(Subscriber) if name not in preferences.SETTINGS),
        "sent_links",
        "suppression",
        "story",
    )
    delete_confirmation_template = "admin/erase.html"

    def find_whole(self, rows: QuerySet[Subscriber], typed: str) -> QuerySet[Subscriber] | None:
        """Return the person with this address."""
        named = rows.filter(email_key=email_addresses.key_of(typed))
        return named if named.order_by()[:1] else None

    @display(description="status", ordering="status", label=STATUS_COLOURS)
    def status_label(self, subscriber: Subscriber) -> tuple[str, str]:
        """Return the status and its label, coloured."""
        return subscriber.status, subscriber.get_status_display()

    @display(description="suppression")
    def suppression(self, subscriber: Subscriber) -> str:
        """Return why this address gets no mail and since when, with the answer that caused it."""
        rows = _suppressions(subscriber)
        if not rows:
            return "none"
        since = date_format(localtime(rows[0].created_at), "DATETIME_FORMAT")
        reason = link(url_of(rows[0]), rows[0].get_reason_display())
        return format_html("{} since {}. {}", reason, since, rows[0].detail)

    @display(description="newest first")
    def story(self, subscriber: Subscriber) -> str:
        """Return what happened to this person, newest first."""
        return _once(subscriber, "story_html", _story)

    @display(description="sent to them")
    def sent_links(self, subscriber: Subscriber) -> str:
        """Return links to the digests and notices of this person."""
        narrowed = {"subscriber__id__exact": subscriber.pk}
        return format_html(
            "{} and {}",
            link(url_of_list(Digest, **narrowed), "digests"),
            link(url_of_list(Notice, **narrowed), "notices"),
        )

    # Choices: stored by the service, which moves the due date and keeps the consent log.

    def save_model(self, request: HttpRequest, obj: Subscriber, form: Any, change: bool) -> None:
        """Leave the row to ``save_related``, which has the interests as well."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Store changed choices by the service, which moves the due date and logs the consent."""
        super().save_related(request, form, formsets, change)
        if form.has_changed() or any(formset.has_changed() for formset in formsets):
            subscriber: Subscriber = form.instance
            choices = preferences.of(subscriber)
            subscriptions.change_preferences(subscriber, choices, origin(request))

    # Erasure: what deleting a subscriber means.

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Return names and counts instead of every row that goes with a subscriber."""
        people = [subscriber.pk for subscriber in objs]
        owned: tuple[type[Model], ...] = (Digest, Notice, Consent, Interest)
        counts = {
            str(model._meta.verbose_name_plural): model._default_manager.filter(
                subscriber__in=people
            ).count()
            for model in owned
        }
        names = [str(subscriber) for subscriber in objs]
        return names, {"subscribers": len(people)} | counts, set(), []

    def delete_model(self, request: HttpRequest, obj: Subscriber) -> None:
        """Erase one person; a keyed hash of the address stays on the suppression list."""
        privacy.erase(obj)


def _once(subscriber: Subscriber, name: str, find: Callable[[Subscriber], T]) -> T:
    """Return what belongs to this row, found once: Unfold's template asks for it five times."""
    found: dict[str, T] = vars(subscriber)
    if name not in found:
        found[name] = find(subscriber)
    return found[name]


def _suppressions(subscriber: Subscriber) -> list[Suppression]:
    return _once(subscriber, "rows_", lambda one: list(suppressions.of_address(one.email_key)))


def _story(subscriber: Subscriber) -> str:
    return story(subscriber, _suppressions(subscriber))
