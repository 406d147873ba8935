"""Lists taken in: uploaded, shown row by row as a dry run would have them, then imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST
from unfold.decorators import action, display

from newsletter.admin import import_page
from newsletter.admin.import_forms import PresetForm, StartForm, UploadForm
from newsletter.models import ListImport
from newsletter.subscriptions import list_imports
from papers.admin.base import ReadOnlyAdmin, log, url_of, url_of_list

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile

State = ListImport.State
Kind = ListImport.Kind
STATE_COLOURS: Final = {
    State.CHECKING: "info",
    State.CHECKED: "warning",
    State.IMPORTING: "info",
    State.DONE: "success",
    State.FAILED: "danger",
}


def to_upload(kind: str) -> HttpResponse:
    """Lead to the form that takes a file with a list of that kind."""
    return HttpResponseRedirect(f"{reverse('admin:newsletter_listimport_upload')}?kind={kind}")


@admin.register(ListImport)
class ListImportAdmin(ReadOnlyAdmin):
    """Files that were uploaded, kept for a week with what became of each of their rows."""

    list_display = ("name", "kind", "state_label", "result", "uploaded_by", "created_at")
    list_filter = ("state", "kind")
    actions_list = ("upload",)
    when_empty = "No list was uploaded in the last seven days."

    def has_import_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Return whether this account may take lists in."""
        return request.user.has_perm("newsletter.import_subscribers")

    @display(description="state", ordering="state", label=STATE_COLOURS)
    def state_label(self, stored: ListImport) -> tuple[str, str]:
        """Return the state and its label, coloured."""
        return stored.state, stored.get_state_display()

    @display(description="result")
    def result(self, stored: ListImport) -> str:
        """Return the counts in words, or why the file cannot be read."""
        counts = stored.counts if stored.state == State.DONE else stored.planned
        return stored.problem or ", ".join(f"{n} {word}" for word, n in counts.items() if n)

    def get_urls(self) -> list[URLPattern]:
        """Add the URLs that start, check again and remove an import."""
        urls: list[URLPattern] = super().get_urls()
        posts = {"start": self.start, "check": self.check_again, "remove": self.remove}
        own = [
            path(
                f"<int:pk>/{name}/",
                self.admin_site.admin_view(require_POST(view)),
                name=f"newsletter_listimport_{name}",
            )
            for name, view in posts.items()
        ]
        return [*own, *urls]

    @action(description="Import a list", permissions=["import"], icon="upload_file")
    def upload(self, request: HttpRequest) -> HttpResponse:
        """Store a file, which a worker reads at once as a dry run."""
        form = UploadForm(
            request.POST or None,
            request.FILES or None,
            initial={"kind": request.GET.get("kind", Kind.SUBSCRIBERS)},
        )
        if form.is_valid():
            file: UploadedFile[bytes] = form.cleaned_data["file"]
            stored = list_imports.store(
                file.chunks(),
                name=file.name or "list.csv",
                kind=form.cleaned_data["kind"],
                preset=form.cleaned_data["preset"],
                uploaded_by=request.user.get_username(),
            )
            log(request, [stored], "uploaded")
            return HttpResponseRedirect(url_of(stored))
        context = {
            **self.admin_site.each_context(request),
            "title": "Import a list",
            "opts": self.opts,
            "form": form,
            "list_url": url_of_list(ListImport),
        }
        return TemplateResponse(request, "admin/upload.html", context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show how a file is read and what becomes of its rows, a page at a time."""
        stored = self.get_object(request, object_id)
        if stored is None:
            return HttpResponseRedirect(url_of_list(ListImport))
        if not self.has_view_permission(request, stored):
            raise PermissionDenied
        return self._page(request, stored, StartForm(stored))

    def start(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Let a worker take the list in, once the words were typed."""
        stored = self._stored(request, pk)
        form = StartForm(stored, request.POST)
        if not form.is_valid():
            return self._page(request, stored, form)
        started = list_imports.start(
            stored,
            send_confirmations=form.cleaned_data.get("send_confirmations", False),
            started_by=request.user.get_username(),
        )
        if started:
            log(request, [stored], f"started: {form.words}")
        else:
            self.message_user(request, "This import was started already.", messages.INFO)
        return HttpResponseRedirect(url_of(stored))

    def check_again(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Let a worker read the file as the export of another service."""
        stored = self._stored(request, pk)
        form = PresetForm(request.POST)
        if form.is_valid():
            list_imports.check_again(stored, form.cleaned_data["preset"])
        return HttpResponseRedirect(url_of(stored))

    def remove(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Forget the file and what became of its rows; what was imported stays."""
        stored = self._stored(request, pk)
        log(request, [stored], "removed")
        stored.delete()
        self.message_user(request, f"{stored} was removed.", messages.SUCCESS)
        return HttpResponseRedirect(url_of_list(ListImport))

    def _stored(self, request: HttpRequest, pk: int) -> ListImport:
        stored = ListImport.objects.filter(pk=pk).first()
        if not self.has_import_permission(request):
            raise PermissionDenied
        if stored is None:
            raise Http404("There is no such import.")
        return stored

    def _page(self, request: HttpRequest, stored: ListImport, form: StartForm) -> HttpResponse:
        may = self.has_import_permission(request)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            **import_page.context_of(request, stored, form, may_import=may),
        }
        return TemplateResponse(request, "admin/import.html", context)
