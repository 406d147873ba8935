"""Addresses that get no mail, and why."""

from __future__ import annotations

from django.contrib import admin

from newsletter.models import Suppression
from papers.admin.base import ReadOnlyAdmin


@admin.register(Suppression)
class SuppressionAdmin(ReadOnlyAdmin):
    """Written by bounces, complaints, erasures and the subscriber list's "suppress" action."""

    list_display = ("__str__", "reason", "created_at")
    list_filter = ("reason",)
    search_fields = ("email_key",)
    date_hierarchy = "created_at"
    fields = ("email_key", "reason", "detail", "created_at", "address_hash")
