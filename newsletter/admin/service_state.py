"""Counters and pulses of the service itself, to be looked at."""

from __future__ import annotations

from django.contrib import admin
from unfold.decorators import display

from newsletter.models import Heartbeat, RateLimit
from papers.admin.base import ReadOnlyAdmin, ago


@admin.register(RateLimit)
class RateLimitAdmin(ReadOnlyAdmin):
    """How often something was tried; keys are hashes, so nobody is named here."""

    list_display = ("window_start", "name", "count", "key_hash")
    list_filter = ("name",)
    date_hierarchy = "window_start"
    ordering = ("-window_start", "-count")
    fields = list_display


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    """When each part of the service last showed that it is alive."""

    list_display = ("name", "at", "age")
    ordering = ("name",)
    fields = list_display

    @display(description="age")
    def age(self, heartbeat: Heartbeat) -> str:
        return ago(heartbeat.at)
