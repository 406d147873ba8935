"""What was trending on each day, as it was shown, and the editor's letter of the day."""

from __future__ import annotations

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.safestring import mark_safe
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget

from papers.admin.base import ReadOnlyAdmin, log, url_of
from papers.admin.papers import ordered_list
from papers.models import Edition
from papers.text.markdown import to_html


class LetterForm(forms.ModelForm):  # type: ignore[type-arg]
    """The letter of one edition."""

    class Meta:
        model = Edition
        fields = ("letter",)
        widgets = {"letter": UnfoldAdminTextareaWidget({"rows": 14})}


@admin.register(Edition)
class EditionAdmin(ReadOnlyAdmin):
    """Stored days, read-only but for the letter."""

    list_display = ("day", "paper_count", "formula_version", "created_at")
    date_hierarchy = "day"
    fields = ("day", "letter", "formula_version", "created_at", "table")
    actions_detail = ("write_letter",)

    def has_write_letter_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Return whether this account may write to the readers."""
        return request.user.has_perm("papers.change_edition")

    @action(
        description="Write a letter", url_path="letter", permissions=["write_letter"], icon="edit"
    )
    def write_letter(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the letter of this day in a box, and as its readers see it; save it when told."""
        edition = self.get_object(request, object_id)
        if edition is None:
            raise Http404("There is no such edition.")
        form = LetterForm(request.POST or None, instance=edition)
        if request.method == "POST" and form.is_valid() and "save" in request.POST:
            form.save()
            log(request, [edition], "wrote the letter")
            self.message_user(request, f"The letter of {edition} is saved.", messages.SUCCESS)
            return HttpResponseRedirect(url_of(edition))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Letter of {edition}",
            "opts": self.opts,
            "form": form,
            "back": url_of(edition),
            "letter": mark_safe(to_html(form["letter"].value() or "")),
        }
        return TemplateResponse(request, "admin/papers/letter.html", context)

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
