"""Streams of mail: whether each runs, and who stopped it and why."""

from __future__ import annotations

from django.contrib import admin
from unfold.decorators import display

from newsletter.models import Stream
from papers.admin.base import ReadOnlyAdmin


@admin.register(Stream)
class StreamAdmin(ReadOnlyAdmin):
    """Digests and notices can be stopped and started apart."""

    list_display = ("name", "standing", "paused_reason", "paused_at", "hold_until")
    fields = list_display

    @display(description="standing", label={"running": "success", "paused": "danger"})
    def standing(self, stream: Stream) -> str:
        return "paused" if stream.paused_at else "running"
