"""What was trending on each day, as it was shown."""

from __future__ import annotations

from django.contrib import admin
from unfold.decorators import display

from papers.admin.base import ReadOnlyAdmin
from papers.admin.papers import ordered_list
from papers.models import Edition


@admin.register(Edition)
class EditionAdmin(ReadOnlyAdmin):
    """Stored days, read-only."""

    list_display = ("day", "paper_count", "formula_version", "created_at")
    date_hierarchy = "day"
    fields = ("day", "formula_version", "created_at", "table")

    @display(description="papers")
    def paper_count(self, edition: Edition) -> int:
        """Return how many papers the edition lists."""
        return len(edition.entries)

    @display(description="papers")
    def table(self, edition: Edition) -> str:
        """Return the papers in their order, each with score and reason."""
        if not edition.entries:
            return "Nothing was announced that could be shown on this day."
        return ordered_list(
            (entry["paper"], f"{entry['score']:.2f}, {entry['reason']}")
            for entry in edition.entries
        )
