"""What was trending on each day, as it was shown."""

from __future__ import annotations

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from unfold.decorators import display

from papers.admin.base import ReadOnlyAdmin, url_of_list
from papers.models import Edition, Paper


@admin.register(Edition)
class EditionAdmin(ReadOnlyAdmin):
    """Frozen days: looked at, never edited."""

    list_display = ("day", "paper_count", "formula_version", "created_at")
    date_hierarchy = "day"
    fields = ("day", "formula_version", "created_at", "table")

    @display(description="papers")
    def paper_count(self, edition: Edition) -> int:
        return len(edition.entries)

    @display(description="papers")
    def table(self, edition: Edition) -> str:
        if not edition.entries:
            return "Nothing was announced that could be shown on this day."
        search = url_of_list(Paper)
        rows = format_html_join(
            "",
            '<li><a class="text-link" href="{}?q={}">{}</a> {:.2f}: {}</li>',
            (
                (search, entry["paper"], entry["paper"], entry["score"], entry["reason"])
                for entry in edition.entries
            ),
        )
        return format_html("<ol>{}</ol>", rows)
