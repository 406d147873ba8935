"""The operators themselves: accounts, groups, and the log of what they did."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from django_otp.plugins.otp_static import admin as _static_admin  # noqa: F401
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp import admin as _totp_admin  # noqa: F401
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.contrib.filters.admin import RangeDateTimeFilter, RelatedDropdownFilter
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from newsletter.security import audit
from papers.admin.base import ListAdmin, NeverAdded, NeverChanged, ReadOnlyAdmin, link

# Importing their own admin modules has registered these without this admin's style. Codes for an
# emergency are made on the server alone, so they get no page.
admin.site.unregister([User, Group, TOTPDevice, StaticDevice])


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ListAdmin):  # type: ignore[type-arg]
    """Accounts, on Django's own form in the admin's style."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Return False for the accounts of the command line and the service: the log needs them."""
        own = obj is not None and obj.get_username() in audit.ACTORS
        return not own and bool(super().has_delete_permission(request, obj))

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Return False for the accounts of the command line and the service."""
        own = obj is not None and obj.get_username() in audit.ACTORS
        return not own and bool(super().has_change_permission(request, obj))


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ListAdmin):
    """Groups, on Django's own form in the admin's style."""


@admin.register(TOTPDevice)
class SecondFactorAdmin(NeverAdded, NeverChanged, ListAdmin):
    """Second factors. Deleting one makes its owner set up a new one at the next log-in."""

    list_display = ("user", "name", "confirmed", "created_at", "last_used_at")
    list_select_related = ("user",)
    search_fields = ("user__username",)
    fields = list_display


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnlyAdmin):
    """The audit log: what each account, each command and the service itself did, and when."""

    list_display = ("action_time", "user", "object_link", "action")
    ordering = ("-pk",)
    list_filter = (("user", RelatedDropdownFilter), ("action_time", RangeDateTimeFilter))
    list_filter_submit = True
    list_select_related = ("user", "content_type")
    search_fields = ("object_repr", "=user__username", "change_message")
    search_help_text = "A name, an address or a file; words of what was done."
    fields = list_display

    @display(description="object")
    def object_link(self, entry: LogEntry) -> str:
        """Return a link to the row that was changed, or its name once it is gone."""
        url = entry.get_admin_url()
        return link(url, entry.object_repr) if url else entry.object_repr

    @display(description="action")
    def action(self, entry: LogEntry) -> str:
        """Return what was done to the row, in words."""
        return entry.get_change_message() or entry.get_action_flag_display()
