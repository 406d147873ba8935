"""Rate limits and heartbeats of the service, read-only."""

from __future__ import annotations

from django.contrib import admin
from unfold.decorators import display

from newsletter.models import Heartbeat, RateLimit
from papers.admin.base import ReadOnlyAdmin, ago


@admin.register(RateLimit)
class RateLimitAdmin(ReadOnlyAdmin):
    """How often something was tried; keys are hashes and name nobody."""

    list_display = ("window_start", "name", "count", "key_hash")
    list_filter = ("name",)
    date_hierarchy = "window_start"
    ordering = ("-window_start", "-count")
    fields = list_display


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    """The last report of each part of the service that it is running."""

    list_display = ("name", "at", "age")
    ordering = ("name",)
    fields = list_display

    @display(description="age")
    def age(self, heartbeat: Heartbeat) -> str:
        """Return how long ago the part reported."""
        return ago(heartbeat.at)
